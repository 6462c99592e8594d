"""An HDF5 file is opened, described, and let go of.

SPDX-License-Identifier: Apache-2.0
"""

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cxrlens.imaging.file_bytes import read_head
from cxrlens.vocabulary import ImageRefused, TableError, show_name

MAX_ARRAY_BYTES = 1_000_000_000
"""Larger arrays are not read whole: labels are small."""

_MAX_DATASETS = 10_000
_MAX_ATTRIBUTE = 100_000

Attribute = int | float | str | list[Any]
"""A number, a text, or a list of such."""


@dataclass(frozen=True)
class Hdf5Dataset:
    """What is known of one array without reading it."""

    shape: tuple[int, ...]
    """Its lengths; the first is the number of images or labels."""

    dtype: str
    """Its number type as numpy calls it, such as `uint8`; `object` for texts."""

    attributes: dict[str, Attribute]
    """Its own attributes and those of the file (the array's win), such as `classes`."""


def read_hdf5_header(path: str | os.PathLike[str]) -> dict[str, Hdf5Dataset]:
    """List the arrays of a file.

    Args:
        path: an HDF5 file.

    Returns:
        Every array by its name, such as `image` or `train/image`, in order of name. Links out of
        the file are not followed.

    Raises:
        ImageRefused: `not-a-file`, `unreadable`, `empty`, `unknown-format` (no HDF5),
            `truncated` or `undecodable`.
    """
    with open_hdf5(path) as file:
        shared = _read_attributes(file)
        return {
            name: Hdf5Dataset(tuple(one.shape), str(one.dtype), shared | _read_attributes(one))
            for name, one in sorted(_walk(file).items())
        }


def read_hdf5_array(path: str | os.PathLike[str], dataset: str) -> np.ndarray:
    """Read one small array whole, such as the labels.

    Args:
        path: an HDF5 file.
        dataset: its name in the file.

    Returns:
        The array; texts are of dtype `object` and hold `str`.

    Raises:
        ImageRefused: as `read_hdf5_header`.
        TableError: if there is no such array, or it has more than `MAX_ARRAY_BYTES` bytes.
    """
    with open_hdf5(path) as file:
        name = f"{dataset!r} of {show_file(path)}"
        found = find_dataset(file, dataset)
        if found is None:
            raise TableError(
                f"{name} is not there: the file holds {', '.join(sorted(_walk(file)))}"
            )
        if count_bytes(found) > MAX_ARRAY_BYTES:
            raise TableError(
                f"{name} has {count_bytes(found):,} bytes, more than {MAX_ARRAY_BYTES:,}: "
                "labels are smaller, name another array"
            )
        is_text = h5py.check_string_dtype(found.dtype) is not None
        return np.asarray(found.asstr()[()] if is_text else found[()])


@contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open a file for reading; every fault of the library becomes a refusal.

    The file is opened anew each time, and nothing is left open: a file that was replaced is read
    as it is now.

    Args:
        path: the file.

    Yields:
        The open file.

    Raises:
        ImageRefused: as `read_hdf5_header`.
    """
    _check_regular(path)
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
        raise _explain(path, error) from error


def find_dataset(file: h5py.File, name: str) -> h5py.Dataset | None:
    """Give an array whose numbers lie in the file itself, by its name.

    Links to other files, arrays stored outside, and arrays put together from other files are not
    followed: a file that was handed in must not make us read another one.

    Args:
        file: open.
        name: the array's name.

    Returns:
        The array, or None where there is none.
    """
    found: Any = file
    for part in name.strip("/").split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) and part else None
        if not isinstance(link, h5py.HardLink):
            return None
        found = found[part]
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        return None
    return found


def count_bytes(dataset: h5py.Dataset) -> int:
    """Give the bytes of all numbers of an array, unpacked."""
    return int(math.prod(dataset.shape) * dataset.dtype.itemsize)


def show_file(path: str | os.PathLike[str]) -> str:
    """Give a file as messages call it."""
    return repr(show_name(os.fspath(path)))


def _check_regular(path: str | os.PathLike[str]) -> None:
    """A pipe must not be opened; what is missing must be said in our words."""
    try:
        status = Path(path).stat()
        is_regular = stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK)
    except (OSError, ValueError):
        is_regular = False
    if not is_regular:
        read_head(path)  # says why not
    elif status.st_size == 0:
        raise ImageRefused("empty", f"{show_file(path)} is empty (0 bytes): copy the file again")


def _walk(file: h5py.File) -> dict[str, h5py.Dataset]:
    names: list[str] = []

    def note(name: str) -> bool | None:
        names.append(name)
        return len(names) >= _MAX_DATASETS or None  # anything but None ends the walk

    file.visit(note)
    found = {name: find_dataset(file, name) for name in names}
    return {name: one for name, one in found.items() if one is not None and one.shape}


def _read_attributes(thing: h5py.File | h5py.Dataset) -> dict[str, Attribute]:
    """Those that are numbers, texts or lists of them; others are of no use here."""
    attributes: dict[str, Attribute] = {}
    for name in thing.attrs:
        n_values = thing.attrs.get_id(name).get_space().get_simple_extent_npoints()
        if not 0 < n_values <= _MAX_ATTRIBUTE:
            continue
        value = np.asarray(thing.attrs[name])
        if value.dtype.kind in "biufSUO":
            attributes[name] = _decode_texts(value.tolist())
    return attributes


def _decode_texts(value: Attribute | bytes) -> Attribute:
    """Texts may be stored as bytes, also in lists."""
    if isinstance(value, list):
        return [_decode_texts(one) for one in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _explain(path: str | os.PathLike[str], error: Exception) -> ImageRefused:
    words = " ".join(str(error).split())
    if "truncated file" in words:
        return ImageRefused(
            "truncated", f"{show_file(path)} is cut off before its end: copy the file again"
        )
    if "lock file" in words:
        return ImageRefused(
            "unreadable", f"{show_file(path)} is being written by another program: wait for it"
        )
    if "file signature not found" in words:
        return ImageRefused(
            "unknown-format", f"{show_file(path)} is no HDF5 file: give one, or an image"
        )
    return ImageRefused(
        "undecodable", f"{show_file(path)} is damaged and cannot be read as HDF5: {words}"
    )
