"""Image files are found by what a table calls them.

SPDX-License-Identifier: Apache-2.0
"""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cxrlens.data.layout import MASKS, is_junk
from cxrlens.vocabulary import show_name

IMAGE_SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".dcm", ".dicom", ".tif", ".tiff", ".jp2", ".bmp",
    ".gif", ".webp",
}  # fmt: skip
"""What may follow the stem of an image's name."""

_WHOLE = 1 << 20
"""Rank of a name that leads straight to its file."""

_Parts = tuple[str, ...]
_Index = dict[str, list[tuple[_Parts, str]]]
"""By the folded stem: the folded parts of a path, and the path."""


@dataclass(frozen=True)
class Found:
    """The file of each name."""

    paths: tuple[str | None, ...]
    """Its path; None where there is none, or none for certain."""

    doubts: dict[int, tuple[str, str]]
    """By position: two files that the name fits equally well."""

    n_elsewhere: int
    """Names that were found only by their last part, or with another suffix."""


def find_images(names: Sequence[str], folders: Sequence[str], *, least: int = 1) -> Found:
    """Find the file of each name.

    A name is a path, absolute or from one of the folders, or else the end of one: its last part
    is looked for anywhere under the first folder, with its suffix, with another one or with none,
    and where several files fit, the one that shares most folders with the name is it. No file is
    given to two different names by such a likeness: it belongs to the one that it fits best.
    Folders named `masks` are passed over; links are followed, but into no folder twice.

    Args:
        names: as the table has them, such as `00000001_000.png`, `set/train/a/b.jpg` or an
            identifier that is the stem of a file's name.
        folders: where to look; the first one with all folders inside.
        least: so many last parts of a longer name must agree.

    Returns:
        One path a name, as far as found: usable from the current directory.
    """
    paths: list[str | None] = [_find_straight(name, folders) for name in names]
    missing = [row for row, path in enumerate(paths) if path is None]
    ranks = {os.path.normpath(path): _WHOLE for path in paths if path is not None}
    if not missing:
        return Found(tuple(paths), {}, 0)
    index = _list_files(folders[0])
    doubts: dict[int, tuple[str, str]] = {}
    likely: dict[str, list[tuple[int, int]]] = {}
    for row in missing:
        best = _rank(names[row], index, least)
        if len(best) > 1 and best[0][0] == best[1][0]:
            doubts[row] = (best[0][1], best[1][1])
        elif best:
            likely.setdefault(best[0][1], []).append((best[0][0], row))
    n_elsewhere = 0
    for path, claims in likely.items():
        top = max(rank for rank, _ in claims)
        first = [row for rank, row in claims if rank == top]
        if (
            ranks.get(os.path.normpath(path), 0) < top
            and len({_cut(names[row]) for row in first}) == 1
        ):
            n_elsewhere += len(first)
            for row in first:
                paths[row] = path
    return Found(tuple(paths), doubts, n_elsewhere)


def _find_straight(name: str, folders: Iterable[str]) -> str | None:
    for folder in folders:
        path = os.path.join(folder, name)  # noqa: PTH118 (bytes that are no UTF-8 must survive)
        if _is_file(path.partition("#")[0] if ".h5#" in path or ".hdf5#" in path else path):
            return path
    return None


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)  # noqa: PTH113 (as above, and 100,000 times)
    except ValueError:  # a zero byte in the name
        return False


def _list_files(root: str) -> _Index:
    """Every file under a folder, by its stem."""
    index: _Index = {}
    for folder, names in _walk(root):
        inside = _cut(folder.removeprefix(root))
        for name in names:
            folded = _fold(name)
            path = os.path.join(folder, name)  # noqa: PTH118 (as above)
            index.setdefault(_strip(folded), []).append(((*inside, folded), path))
    return index


def _walk(root: str) -> Iterator[tuple[str, list[str]]]:
    """Every folder under a folder with the names of its files."""
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        names = []
        try:
            status = os.stat(folder)  # noqa: PTH116 (as above)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError:  # gone, or not ours to read: its images count as not found
            continue
        for entry in inside:
            if is_junk(entry.name):
                continue
            if _is(entry, os.DirEntry.is_dir):
                if entry.name.lower() != MASKS:
                    waiting.append(entry.path)
            elif _is(entry, os.DirEntry.is_file):
                names.append(entry.name)
        yield folder, names


def _is(entry: os.DirEntry[str], ask: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return ask(entry)
    except OSError:  # a link that leads to itself
        return False


def _rank(name: str, index: _Index, least: int) -> list[tuple[int, str]]:
    """The files that a name fits, the best first: by shared folders, then by the suffix."""
    wanted = _cut(name)
    if not wanted:
        return []
    ranked = []
    for parts, path in index.get(_strip(wanted[-1]), ()):
        shared = 1
        pairs = zip(reversed(wanted[:-1]), reversed(parts[:-1]), strict=False)
        for one, other in pairs:
            if one != other:
                break
            shared += 1
        if shared >= min(least, len(wanted)):
            ranked.append((2 * shared + (wanted[-1] == parts[-1]), path))
    return sorted(ranked, reverse=True)


def _cut(name: str) -> _Parts:
    """The folded parts of a path of any system."""
    parts = _fold(name.replace("\\", "/")).split("/")
    return tuple(part for part in parts if part not in ("", "."))


def _fold(name: str) -> str:
    """Take away case and the form of accents, which play no part."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", name).casefold()


def _strip(name: str) -> str:
    """The stem of a folded name; what is no suffix of images belongs to it."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot + suffix in IMAGE_SUFFIXES else name


def tell_doubt(files: tuple[str, str]) -> str:
    """Name two files between which a table does not decide."""
    return " and ".join(repr(show_name(path)) for path in files)
