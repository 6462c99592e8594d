"""A `key=value` override changes a recipe before it is checked.

SPDX-License-Identifier: Apache-2.0
"""

import re
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import yaml

from cxrlens.training.recipe import Recipe, Stage
from cxrlens.vocabulary import RecipeError, suggest

_OPTION = re.compile(r"network\.options\.\w+")
"""An option of the architecture: its names are the architecture's, not ours."""

_ONE_STAGE = re.compile(r"stages\.([^.]+)\.([^.]+)")
"""A field of one stage, by number from 1 or by name."""


def apply_override(plain: dict[str, Any], override: str) -> None:
    """Change one value of a recipe that is not checked yet.

    Args:
        plain: the recipe as YAML gives it; changed in place.
        override: `key=value`, as `load_recipe` takes it.

    Raises:
        RecipeError: if it is not of that form, or the key is unknown or not clear.
    """
    key, separator, text = override.partition("=")
    if not separator:
        raise RecipeError(f"an override must read key=value; got {override!r}")
    value = _parse_value(text, override)
    stages = plain["stages"]
    if one := _ONE_STAGE.fullmatch(key):
        key = _find_key(f"stages.{one[2]}")
        stages = [_find_stage(stages, one[1])]
    *groups, last = _find_key(key).split(".")
    if groups == ["stages"]:
        for stage in stages:
            stage[last] = value
        return
    target = plain
    for group in groups:
        target = target[group]
    target[last] = value


def _find_stage(stages: list[dict[str, Any]], word: str) -> dict[str, Any]:
    by_word = {stage["name"]: stage for stage in stages}
    by_word |= {str(number): stage for number, stage in enumerate(stages, start=1)}
    if word not in by_word:
        raise RecipeError(f"the recipe has no stage {word!r}; {suggest(word, by_word)}")
    return by_word[word]


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
        kind = Stage if Stage in get_args(hints[name]) else hints[name]
        is_group = is_dataclass(kind) and isinstance(kind, type)
        keys += _list_keys(kind, f"{prefix}{name}.") if is_group else [f"{prefix}{name}"]
    return keys
