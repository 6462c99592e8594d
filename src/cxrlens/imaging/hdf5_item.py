"""One image inside an HDF5 file becomes a scan.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib
import math
import os
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Shaped
from PIL import Image

from cxrlens.imaging.decoding import MAX_PIXELS
from cxrlens.imaging.grey import make_grey
from cxrlens.imaging.grey_range import RANGES, find_white, scale_pixels
from cxrlens.imaging.hdf5_file import find_dataset, open_hdf5
from cxrlens.imaging.scan import Scan
from cxrlens.vocabulary import ImageRefused

_MAX_CHUNK_BYTES = 250_000_000
"""HDF5 unpacks chunks whole, also for one image of them."""

_MAX_ITEM_BYTES = 4 * MAX_PIXELS

_SAMPLED = 16
"""So many images, spread over the array, tell how many of 16 bits are in use."""

_WHITES: dict[tuple[int, int, int, int, str], int] = {}
"""What is white, by the state of a file and the array in it."""

_MAX_WHITES = 64

Item = Shaped[np.ndarray, "..."]
"""Numbers of one image, with 1 or 3 colours in front or behind, or none."""


def split_reference(reference: str | os.PathLike[str]) -> tuple[str, str, int] | None:
    """Take apart the name of an image inside an HDF5 file.

    Args:
        reference: `FILE#DATASET/INDEX`, such as `train.h5#image/17`, or a path.

    Returns:
        File, name of the array and number of the image in it, from 0; None for a path: where
        there is a file of just that name, it is that file.

    Example:
        >>> split_reference("train.h5#image/17")
        ('train.h5', 'image', 17)
        >>> split_reference("scan#3.png") is None
        True
    """
    path, mark, inside = os.fsdecode(reference).rpartition("#")
    dataset, slash, index = inside.rpartition("/")
    if not (mark and slash and path and dataset and index.isascii() and index.isdigit()):
        return None
    if len(index) > 15 or os.path.lexists(reference):
        return None
    return path, dataset, int(index)


def read_item(name: str, reference: tuple[str, str, int]) -> tuple[Scan, str, int]:
    """Read one image, and no other, of an array in an HDF5 file.

    An image is height x width, with 1 or 3 colours in front or behind. Bytes are divided by 255.
    Of larger whole numbers, white is what the array's attribute IMAGE_MINMAXRANGE says, or is
    found as for a PNG (`find_white`), but in up to 16 images spread over the array, so that all
    its images are on one scale; an image that has larger numbers gets its own. Fractions are taken
    as they are in [0, 1], and divided by 255 in [0, 255].

    Args:
        name: the image as messages call it.
        reference: as `split_reference` gives it.

    Returns:
        The scan; the SHA-256 of number type, shape and numbers as 64 hexadecimal digits; the
        number of bytes of its numbers.

    Raises:
        ImageRefused: as `read_hdf5_header`; `no-image` if there is no such array or no such
            image in it; `unsupported-format` if the array holds no images; `too-large`.
    """
    item, white = _load(name, reference)
    return _make_scan(name, item, white), _digest(item), item.nbytes


def identify_item(name: str, reference: tuple[str, str, int]) -> tuple[str, int | None]:
    """Read one image without making pixels of it.

    Args:
        name: the image as messages call it.
        reference: as `split_reference` gives it.

    Returns:
        The SHA-256 that `read_item` gives, and what is white in its array; None where that is
        decided by the number type or the image alone.

    Raises:
        ImageRefused: as `read_item`, but for what the numbers are.
    """
    item, white = _load(name, reference)
    return _digest(item), white


def _load(name: str, reference: tuple[str, str, int]) -> tuple[Item, int | None]:
    path, dataset, index = reference
    with open_hdf5(path) as file:
        array = _find_images(name, file, dataset, index)
        item = np.ascontiguousarray(array[index])
        is_wide = item.dtype.kind in "ui" and item.dtype.itemsize > 1
        return item, _find_white_of(path, dataset, array) if is_wide else None


def _digest(item: Item) -> str:
    head = f"{item.dtype.str} {item.shape} ".encode()
    return hashlib.sha256(head + item.tobytes()).hexdigest()


def _find_images(name: str, file: h5py.File, dataset: str, index: int) -> h5py.Dataset:
    array = find_dataset(file, dataset)
    if array is None:
        raise ImageRefused("no-image", f"{name}: the file holds no array {dataset!r}")
    shape = tuple(array.shape)
    colours = set(shape[3:]) | set(shape[1:2]) if len(shape) == 4 else {1}
    if len(shape) not in {3, 4} or not colours & {1, 3} or array.dtype.kind not in "uif":
        raise ImageRefused(
            "unsupported-format",
            f"{name}: array {dataset!r} is {array.dtype} of shape {shape}, no images: it must be "
            "numbers, images x height x width with 1 or 3 colours in front or behind",
        )
    if index >= shape[0]:
        raise ImageRefused(
            "no-image", f"{name}: array {dataset!r} holds {shape[0]} images, counted from 0"
        )
    _check_memory(name, array)
    return array


def _check_memory(name: str, array: h5py.Dataset) -> None:
    """Judge the sizes before anything is unpacked."""
    n_item = math.prod(array.shape[1:]) * int(array.dtype.itemsize)
    n_chunk = math.prod(array.chunks or (0,)) * int(array.dtype.itemsize)
    if n_item > _MAX_ITEM_BYTES or n_chunk > _MAX_CHUNK_BYTES:
        raise ImageRefused(
            "too-large",
            f"{name} has {n_item:,} bytes, in an array packed by {n_chunk:,} bytes: store images "
            f"of up to {_MAX_ITEM_BYTES:,} bytes, each packed by itself",
            float(n_item),
        )


def _find_white_of(path: str, dataset: str, array: h5py.Dataset) -> int:
    """What is white in a whole array; looked up once for each state of the file."""
    status = Path(path).stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, dataset)
    if state not in _WHITES:
        if len(_WHITES) >= _MAX_WHITES:
            _WHITES.clear()
        _WHITES[state] = _read_stated_white(array) or _sample_white(array)
    return _WHITES[state]


def _read_stated_white(array: h5py.Dataset) -> int:
    """What the array's own attribute says is white; 0 where it says nothing.

    Source:
        HDF5 Image and Palette Specification, version 1.2, attribute IMAGE_MINMAXRANGE.
    """
    stated = np.asarray(array.attrs.get("IMAGE_MINMAXRANGE", ()))
    if stated.shape != (2,) or stated.dtype.kind not in "uif" or stated[0] != 0:
        return 0
    return int(stated[1]) if 0 < stated[1] <= RANGES[-1] else 0


def _sample_white(array: h5py.Dataset) -> int:
    sample = np.unique(np.linspace(0, array.shape[0] - 1, _SAMPLED).astype(np.int64))
    top = max(float(array[int(index)].max()) for index in sample)
    return find_white(min(top, float(RANGES[-1])))


def _make_scan(name: str, item: Item, white: int | None) -> Scan:
    colours = _put_colours_last(item)
    if colours.shape[2] == 1:
        pixels, notes = scale_pixels(name, colours[:, :, 0], white)
        return Scan(pixels, warnings=notes)
    scaled, notes = scale_pixels(name, colours.reshape(len(colours), -1), white)
    as_bytes = np.rint(scaled * np.float32(255)).astype(np.uint8).reshape(colours.shape)
    grey, colourfulness = make_grey(Image.fromarray(as_bytes))
    pixels, _ = scale_pixels(name, np.asarray(grey))
    return Scan(pixels, colourfulness=colourfulness, warnings=notes)


def _put_colours_last(item: Item) -> Item:
    if item.ndim == 2:
        return item[:, :, None]
    if item.shape[2] in {1, 3}:
        return item
    return np.ascontiguousarray(np.moveaxis(item, 0, 2))
