"""What is known of where collections and weights come from, and what follows from it.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from cxrlens.data import StudyTable
from cxrlens.vocabulary import Gate, InputError, Kinship, suggest

TRAINED_ON = "trained on"
"""The relation of weights to a collection; the others are of collections to each other."""


@dataclass(frozen=True)
class _Collection:
    """How a collection, or weights, are recognised."""

    words: tuple[str, ...]
    """What it is called in a source column, a path or a file's name."""

    names: str = ""
    """A regular expression that its file names match; empty where they say nothing."""


@dataclass(frozen=True)
class _Lineage:
    """The content of `lineage.yaml`."""

    collections: dict[str, _Collection]
    kinships: tuple[Kinship, ...]


@cache
def _read() -> _Lineage:
    plain = yaml.safe_load((files("cxrlens.audit") / "lineage.yaml").read_text("utf-8"))
    collections = {
        name: _Collection(tuple(one["words"]), one.get("names", ""))
        for name, one in plain["collections"].items()
    }
    return _Lineage(collections, tuple(Kinship(**one) for one in plain["kinships"]))


def list_collections() -> tuple[str, ...]:
    """Name what lineage is known of."""
    return tuple(_read().collections)


def name_collection(word: str) -> str:
    """Find a collection, or weights, by any of its names.

    Raises:
        InputError: if it is not known.

    Example:
        >>> name_collection("RSNA")
        'RSNA Pneumonia Detection Challenge'
    """
    collections = _read().collections
    for name, one in collections.items():
        if word.lower() == name.lower() or word.lower() in one.words:
            return name
    known = [*collections, *(word for one in collections.values() for word in one.words)]
    raise InputError(f"no collection or weights called {word!r} are known; {suggest(word, known)}")


def recognise_collections(table: StudyTable) -> tuple[str, ...]:
    """Find the collections that a table's sources, folders and file names point to.

    Args:
        table: the images.

    Returns:
        Names, each once; empty where nothing is recognised.
    """
    sources = {str(one).lower() for one in table.frame["source"] if one is not None}
    folders = {part.lower() for part in re.split(r"[\\/]", table.root)}
    images = table.relative_images
    found = []
    for name, one in _read().collections.items():
        is_named = not {*one.words}.isdisjoint(sources | folders)
        pattern = re.compile(rf"(?<![0-9A-Za-z]){one.names}(?![0-9])") if one.names else None
        if is_named or (pattern and any(pattern.search(image) for image in images)):
            found.append(name)
    return tuple(found)


def recognise_weights(told: str) -> tuple[str, ...]:
    """Find the weights that a file name or a description points to."""
    lower = told.lower()
    return tuple(
        name
        for name, one in _read().collections.items()
        if any(len(word) > 5 and word in lower for word in one.words)
    )


def trace(names: Iterable[str]) -> tuple[Kinship, ...]:
    """List what is known of some collections and weights, and of what they come from."""
    asked, seen = list(names), set[str]()
    found = []
    while asked:
        name = asked.pop(0)
        if name in seen:
            continue
        seen.add(name)
        own = [one for one in _read().kinships if one.subject == name]
        found += own
        asked += [one.object for one in own]
    return tuple(found)


def judge_lineage(collections: Sequence[str], weights: Sequence[str]) -> Gate:
    """Judge whether a model is tested on what its weights were trained on.

    Args:
        collections: that the images come from.
        weights: that the model started from, and collections that it was trained on.
    """
    name = "tested on pretraining data"
    if not weights:
        why = "what the weights were trained on is not known: name it with --trained-on NAME"
        return Gate(name, None, why, "")
    if not collections:
        why = "where the images come from is not known: name it with --collection NAME"
        return Gate(name, None, why, "")
    reached = _reach(weights)
    shared = [one for one in collections if not _reach([one]).isdisjoint(reached)]
    if shared:
        return Gate(
            name,
            False,
            f"{', '.join(shared)} shares images with what {', '.join(weights)} comes from",
            "judge the model on another collection, or leave out the images that were trained on",
        )
    told = f"nothing is known that {', '.join(collections)} shares with {', '.join(weights)}"
    return Gate(name, True, told, "")


def _reach(names: Iterable[str]) -> set[str]:
    """The collections themselves, and all that they come from."""
    return {*names, *(one.object for one in trace(names))}
