"""Which folders of a collection are classes, and of which part of a split.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cxrlens.vocabulary import TableError, show_name

MASKS = "masks"
"""Name of the folder that holds masks and is no class."""

IMAGES = "images"
"""Name of the folder inside a class folder that may hold its images, as in the COVID-19
Radiography Database (`COVID/images`, `COVID/masks`)."""

PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "test": "test",
    "testing": "test",
}
"""What a folder in lower case must be called to be taken as a part of a split."""

_JUNK = {"thumbs.db", "desktop.ini", "__macosx", "icon\r"}
_DEPTH = 3


@dataclass(frozen=True)
class ClassFolder:
    """One folder that holds the images of one class."""

    path: str
    """The folder that holds the images themselves."""

    label: str
    """The class: the folder's name, or that of the folder around `images`."""

    part: str | None
    """train, val, test, or None where the collection brings no split."""

    home: str
    """The folder in which the class stands: that of its part, or of the collection."""


@dataclass(frozen=True)
class Layout:
    """The folders of a collection."""

    base: str
    """The folder in which the parts or the classes stand."""

    folders: tuple[ClassFolder, ...]
    """Every class folder, by part (train, val, test), then by name."""

    parts: tuple[str | None, ...]
    """train, val and test as far as they are there; None alone where there is no split."""

    notes: tuple[str, ...]
    """What was passed over or stepped into."""


def is_junk(name: str) -> bool:
    """Whether a name is what systems leave behind: `.DS_Store`, `Thumbs.db`, `__MACOSX` …."""
    return name.startswith(".") or name.lower() in _JUNK


def list_folder(path: str) -> list[os.DirEntry[str]]:
    """List what stands in a folder but for junk, in the order of the names' bytes.

    Args:
        path: the folder.

    Returns:
        Its entries.

    Raises:
        TableError: if it cannot be listed.
    """
    try:
        with os.scandir(path) as entries:
            kept = [entry for entry in entries if not is_junk(entry.name)]
    except (OSError, ValueError) as error:
        why = "is a file" if isinstance(error, NotADirectoryError) else error.args[-1]
        raise TableError(
            f"cannot list {show_name(path)!r} ({why}): give a folder that holds one folder a class"
        ) from error
    return sorted(kept, key=lambda entry: os.fsencode(entry.name))


def find_layout(root: str) -> Layout:
    """Find the class folders: in `root` itself, or in its train, val and test folders.

    A single folder around them, as zip files often bring, is stepped into.

    Args:
        root: the collection.

    Returns:
        The class folders found; perhaps none.

    Raises:
        TableError: if there is no such folder, or two folders stand for the same part.
    """
    base, notes = root, []
    for _ in range(_DEPTH):
        inside = _list_folders(base)
        if len(inside) != 1 or _find_parts(inside) or not _list_folders(inside[0].path):
            break
        base = inside[0].path
        notes.append(f"The collection was read from the folder {show_name(base)!r} in it.")
    parts = _find_parts(_list_folders(base))
    if not parts:
        folders = list(_find_classes(base, None))
        return Layout(base, tuple(folders), (None,), (*notes, *_note_masks(folders)))
    others = [e.name for e in _list_folders(base) if e.name.lower() not in PART_NAMES]
    if others:
        names = ", ".join(show_name(name) for name in others)
        notes.append(f"Folders beside the parts of the split were not read: {names}.")
    folders = [one for part, path in parts.items() for one in _find_classes(path, part)]
    return Layout(base, tuple(folders), tuple(parts), (*notes, *_note_masks(folders)))


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a regular file, or a link to one."""
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _list_folders(path: str) -> list[os.DirEntry[str]]:
    """The folders in a folder that may be classes or parts."""
    return [e for e in list_folder(path) if _is_folder(e) and e.name.lower() != MASKS]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _find_parts(folders: list[os.DirEntry[str]]) -> dict[str, str]:
    """The folder of each part, in the order train, val, test."""
    found: dict[str, str] = {}
    for entry in folders:
        part = PART_NAMES.get(entry.name.lower())
        if part in found:
            raise TableError(
                f"both {show_name(found[part])!r} and {show_name(entry.path)!r} stand for "
                f"the {part} part: leave one"
            )
        if part is not None:
            found[part] = entry.path
    return {part: found[part] for part in ("train", "val", "test") if part in found}


def _find_classes(path: str, part: str | None) -> tuple[ClassFolder, ...]:
    return tuple(ClassFolder(_find_images(e.path), e.name, part, path) for e in _list_folders(path))


def _find_images(path: str) -> str:
    """The folder of a class's images: itself, or `images` in it where it holds nothing else."""
    known = {e.name.lower(): e.path for e in list_folder(path) if _is_folder(e)}
    is_alone = all(entry.name.lower() in (IMAGES, MASKS) for entry in list_folder(path))
    return known[IMAGES] if IMAGES in known and is_alone else path


def _note_masks(folders: list[ClassFolder]) -> Iterator[str]:
    """Say that masks inside a class are not taken: in the known collection they are of lungs."""
    labels = [
        show_name(folder.label)
        for folder in folders
        if Path(folder.path).parent != Path(folder.home)
        and any(e.name.lower() == MASKS for e in list_folder(str(Path(folder.path).parent)))
    ]
    if labels:
        yield (
            f"The folders `masks` inside {', '.join(dict.fromkeys(labels))} were not read: in the "
            "COVID-19 Radiography Database they outline the lungs, not a finding; masks of "
            "findings belong into a folder `masks` beside the classes."
        )
