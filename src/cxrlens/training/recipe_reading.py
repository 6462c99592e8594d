"""A recipe is read from YAML, laid over its base, and checked.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from cxrlens.training.override import apply_override
from cxrlens.training.recipe import Recipe, Stage
from cxrlens.vocabulary import OutputError, RecipeError, suggest

_KINDS = ("constrained-", "literal[")
"""What pydantic calls the kinds of a field that may be of several."""

RECIPE_FILE = "recipe.yaml"
"""In a run folder: the training, resolved."""

_REPLACED = ("options", "rate_factors")
"""Groups that an overlay replaces whole: those of another architecture mean nothing."""


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Resolve a recipe by name.

    Args:
        name: one of `list_recipes()`.
        overrides: `key=value`, where key is a dotted path (`optimisation.batch_size`) or, where
            only one field has it, its last word (`batch_size`); values are YAML. A field of the
            stages (`epochs`) is set in all of them, or in one by number or name
            (`stages.1.epochs`).

    Raises:
        RecipeError: if the name or a key is unknown (naming the nearest right one), or a value is
            not allowed.

    Example:
        >>> load_recipe("default", ["epochs=3"]).stages[0].epochs
        3
    """
    plain = _read_shipped(name)
    for override in overrides:
        apply_override(plain, override)
    return _check(plain, f"recipe {name!r}")


def read_recipe(path: Path) -> Recipe:
    """Read the resolved recipe of a run folder.

    Args:
        path: its `recipe.yaml`.

    Raises:
        OutputError: if it cannot be read.
        RecipeError: if it is no whole recipe of this version.
    """
    try:
        plain = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read ({error.strerror}); give the folder of a training"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is no YAML; give the folder of a training") from error
    if not isinstance(plain, dict):
        raise RecipeError(f"{path} holds no recipe; give the folder of a training")
    return _check(plain, str(path))


def resolve_recipe(
    name: str | None, overrides: Sequence[str] = (), resume: Path | None = None
) -> Recipe:
    """Resolve the recipe of a new training, or of one that is gone on with.

    Args:
        name: of the recipe; None is `default`, or with `resume` the run's own.
        overrides: `key=value` changes to it.
        resume: the folder of a run that was interrupted.

    Raises:
        RecipeError: if it is not valid.
        OutputError: if the folder holds no recipe.
    """
    if resume is not None and name is None and not overrides:
        return read_recipe(resume / RECIPE_FILE)
    return load_recipe("default" if name is None else name, overrides)


def list_recipes() -> tuple[str, ...]:
    """Name the recipes that come with cxrlens."""
    folder = files("cxrlens.training") / "recipes"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir()))


def _read_shipped(name: str) -> dict[str, Any]:
    """Read a recipe's file over its base's."""
    if name not in list_recipes():
        raise RecipeError(f"unknown recipe {name!r}; {suggest(name, list_recipes())}")
    text = (files("cxrlens.training") / "recipes" / f"{name}.yaml").read_text("utf-8")
    plain: dict[str, Any] = yaml.safe_load(text)
    base = plain.pop("base", None)
    return plain if base is None else _overlay(_read_shipped(base), plain)


def _overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and key not in _REPLACED:
            merged[key] = _overlay(below, value)
        elif key == "stages" and below:
            merged[key] = _overlay_stages(below, value)
        else:
            merged[key] = value
    return merged


def _overlay_stages(
    base: Sequence[Mapping[str, Any]], over: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Lay each stage over the base's at its place, or over its last; the base's others go."""
    return [_overlay(base[min(i, len(base) - 1)], stage) for i, stage in enumerate(over)]


def _check(plain: Mapping[str, Any], where: str) -> Recipe:
    _check_keys(plain, Recipe, where)
    try:
        return TypeAdapter(Recipe).validate_python(plain)
    except ValidationError as error:
        errors = error.errors()
        place = _locate(errors[0]["loc"])
        # A field that may be of two kinds has an error of each.
        told = " or ".join(one["msg"] for one in errors if _locate(one["loc"]) == place)
        raise RecipeError(
            f"{place} in {where} is not allowed: {told}; got {errors[0]['input']!r}"
        ) from error


def _locate(parts: Sequence[str | int]) -> str:
    """Name a field as overrides do: stages are counted from 1, kinds of a union left out."""
    names = [str(part + 1) if isinstance(part, int) else part for part in parts]
    return ".".join(name for name in names if not name.startswith(_KINDS))


def _check_keys(plain: Mapping[str, Any], record: type, where: str) -> None:
    """Refuse keys that no field has: a mistyped key must not be silently without effect."""
    known = {f.name for f in fields(record)}
    hints = get_type_hints(record)
    for key, value in plain.items():
        if key not in known:
            raise RecipeError(f"unknown key {key!r} in {where}; {suggest(str(key), known)}")
        if is_dataclass(hints[key]) and isinstance(value, dict):
            _check_keys(value, hints[key], f"{where}.{key}")
        elif Stage in get_args(hints[key]) and isinstance(value, list):
            for number, stage in enumerate(value, start=1):
                if isinstance(stage, dict):
                    _check_keys(stage, Stage, f"{where}.{key}.{number}")
