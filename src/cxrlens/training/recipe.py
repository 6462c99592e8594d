"""The record of one training, read from YAML and `key=value` overrides.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib.resources import files
from typing import Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from cxrlens.imaging import Preprocessing
from cxrlens.network import NetworkSpec
from cxrlens.vocabulary import RecipeError, suggest

_OPTION = re.compile(r"network\.options\.\w+")
"""An option of the architecture: its names are the architecture's, not ours."""

Share = Annotated[float, Field(ge=0, lt=1)]
"""From 0 up to but not including 1."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Above 0."""

Count = Annotated[int, Field(ge=1)]
"""1 or more."""


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied; each amount is drawn evenly from ± what stands here.

    There is no mirroring: it would put the heart on the wrong side.
    """

    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    """About the centre of the image."""

    shift: Share
    """Along rows and columns, as a share of the image's side."""

    zoom: Share
    """Of the scale: 0.1 means 0.9 to 1.1."""

    brightness: Share
    """Added to all pixels (which lie in [0, 1])."""

    contrast: Share
    """Of the distance of each pixel to the image's mean."""


@dataclass(frozen=True)
class Optimisation:
    """How the weights are moved: AdamW under a one-cycle schedule."""

    epochs: Count
    """Passes over the training part; the best on validation is kept."""

    batch_size: Annotated[int, Field(ge=2)]
    """Images a step."""

    learning_rate: Positive
    """Largest learning rate of the backbone."""

    head_factor: Positive
    """The head learns this many times faster than the backbone."""

    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """AdamW's, on weights but not on biases and norms."""

    label_smoothing: Share
    """Share of the target spread over all classes."""

    warm_up: Annotated[float, Field(gt=0, lt=1)]
    """Share of all steps in which the learning rate rises."""

    precision: Literal["auto", "float32", "bfloat16"]
    """Of the training's arithmetic; `auto` takes bfloat16 where it is measured to be faster."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, but for the data.

    Source: the fields of `recipes/default.yaml`, which holds a value for every one of them.
    """

    name: str
    """As it is asked for."""

    summary: str
    """One sentence: what it is for."""

    departures: tuple[str, ...]
    """Where it does otherwise than its published ancestor, and why."""

    weights: str
    """`imagenet`, `none`, or a file."""

    preprocessing: Preprocessing
    """How a radiograph becomes the network's input."""

    network: NetworkSpec
    """How the network is built."""

    augmentation: Augmentation
    """How training images are varied."""

    optimisation: Optimisation
    """How the weights are moved."""

    validation: Annotated[float, Field(gt=0, lt=1)]
    """Share of the training part that chooses the epoch, where the data bring none."""

    test: Annotated[float, Field(gt=0, lt=1)]
    """Share of all cases kept for the final figures, where the data bring none."""

    seed: Annotated[int, Field(ge=0)]
    """Of the split, the initial head, the order of cases and the augmentation."""


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Resolve a recipe by name.

    Args:
        name: one of `list_recipes()`.
        overrides: `key=value`, where key is a dotted path (`optimisation.epochs`) or, where only
            one field has it, its last word (`epochs`); values are YAML.

    Raises:
        RecipeError: if the name or a key is unknown (naming the nearest right one), or a value is
            not allowed.

    Example:
        >>> load_recipe("default", ["epochs=3"]).optimisation.epochs
        3
    """
    plain = _read_recipe(name)
    for override in overrides:
        _apply_override(plain, override)
    _check_keys(plain, Recipe, f"recipe {name!r}")
    try:
        return TypeAdapter(Recipe).validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecipeError(
            f"{key} in recipe {name!r} is not allowed: {first['msg']}; got {first['input']!r}"
        ) from error


def list_recipes() -> tuple[str, ...]:
    """Name the recipes that come with cxrlens."""
    folder = files("cxrlens.training") / "recipes"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir()))


def _read_recipe(name: str) -> dict[str, Any]:
    """Read a recipe's file over its base's."""
    if name not in list_recipes():
        raise RecipeError(f"unknown recipe {name!r}; {suggest(name, list_recipes())}")
    text = (files("cxrlens.training") / "recipes" / f"{name}.yaml").read_text("utf-8")
    plain: dict[str, Any] = yaml.safe_load(text)
    base = plain.pop("base", None)
    return plain if base is None else _overlay(_read_recipe(base), plain)


def _overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        is_group = (
            isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "options"
        )
        merged[key] = _overlay(merged[key], value) if is_group else value
    return merged


def _apply_override(plain: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise RecipeError(f"an override must read key=value; got {override!r}")
    *groups, last = _find_key(key).split(".")
    target = plain
    for group in groups:
        target = target[group]
    target[last] = _parse_value(text, override)


def _parse_value(text: str, override: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"the value of {override!r} is no YAML value") from error


def _find_key(key: str) -> str:
    """Give the full dotted path of a key that may be shortened to its last word."""
    known = _list_keys(Recipe)
    short = [path for path in known if path == key or path.endswith(f".{key}")]
    if _OPTION.fullmatch(key):
        return key
    if len(short) == 1 or key in short:
        return key if key in short else short[0]
    if short:
        raise RecipeError(f"recipe key {key!r} is not clear; give one of {', '.join(short)}")
    words = {path.rsplit(".", 1)[-1] for path in known}
    raise RecipeError(f"unknown recipe key {key!r}; {suggest(key, {*known, *words})}")


def _list_keys(record: type, prefix: str = "") -> list[str]:
    """List the dotted paths of all fields that hold a value, not a group."""
    keys = []
    hints = get_type_hints(record)
    for name in (f.name for f in fields(record)):
        kind = hints[name]
        is_group = is_dataclass(kind) and isinstance(kind, type)
        keys += _list_keys(kind, f"{prefix}{name}.") if is_group else [f"{prefix}{name}"]
    return keys


def _check_keys(plain: Mapping[str, Any], record: type, where: str) -> None:
    """Refuse keys that no field has: a mistyped key must not be silently without effect."""
    known = {f.name for f in fields(record)}
    hints = get_type_hints(record)
    for key, value in plain.items():
        if key not in known:
            raise RecipeError(f"unknown key {key!r} in {where}; {suggest(key, known)}")
        if is_dataclass(hints[key]) and isinstance(value, dict):
            _check_keys(value, hints[key], f"{where}.{key}")
