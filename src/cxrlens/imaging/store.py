"""The store of decoded pixels: every image at the network's size, ready to be used many times.

SPDX-License-Identifier: Apache-2.0
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt16

from cxrlens.imaging.preprocessing import Preprocessing
from cxrlens.imaging.read_image import ReadImage
from cxrlens.imaging.streaming import map_ordered, try_read_image
from cxrlens.vocabulary import ImageWarning, OutputError, Refusal, show_name

StoredPixels = UInt16[np.ndarray, "n h w"]
"""Pixels in 0…65535, that is [0, 1]; one image a row."""

StoredImage = UInt16[np.ndarray, "h w"]
"""One image of it."""


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """The images of a collection that could be read, at the network's size.

    All fields but `refusals` have one entry an image kept.
    """

    pixels: StoredPixels
    """value / 65535 is the grey in [0, 1]; read-only where it lies on disk."""

    kept: Int[np.ndarray, " n"]
    """Index of each image in the paths that were given, ascending."""

    refusals: tuple[Refusal, ...]
    """The images that were left out, in the order given."""

    source_sizes: tuple[tuple[int, int], ...]
    """(height, width) of each image in its own pixels."""

    digests: tuple[str, ...]
    """SHA-256 of each file's bytes."""

    n_bytes: Int[np.ndarray, " n"]
    """Size of each file in bytes."""

    warnings: tuple[tuple[ImageWarning, ...], ...]
    """What must be known about each image."""


@dataclass(frozen=True, eq=False)
class _Facts:
    """What is kept of one image besides its pixels."""

    source_size: tuple[int, int]
    digest: str
    n_bytes: int
    warnings: tuple[ImageWarning, ...]


class _InMemory:
    """Pixels gather in an array."""

    def __init__(self, limit: int, size: tuple[int, int]) -> None:
        """Make room for `limit` images of (height, width) `size`."""
        self._array = np.empty((limit, *size), dtype=np.uint16)
        self._n = 0

    def add(self, pixels: StoredImage) -> None:
        """Append one image."""
        self._array[self._n] = pixels
        self._n += 1

    def finish(self) -> StoredPixels:
        """Give all images added."""
        return self._array[: self._n]

    def close(self) -> None:
        """Nothing is to be let go of."""


class _OnDisk:
    """Pixels gather in a file without a name."""

    def __init__(self, scratch: Path, size: tuple[int, int]) -> None:
        """Open the file in the folder `scratch`, for images of (height, width) `size`."""
        self._size = size
        self._n = 0
        self._explaining = partial(_explaining, scratch)
        with self._explaining():
            self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (see `close`)

    def add(self, pixels: StoredImage) -> None:
        """Append one image."""
        # Written, not mapped: a full disk is an error here and would be a crash there.
        with self._explaining():
            self._file.write(pixels.tobytes())
        self._n += 1

    def finish(self) -> StoredPixels:
        """Give all images added."""
        shape = (self._n, *self._size)
        if self._n == 0:  # nothing cannot be mapped
            return np.empty(shape, dtype=np.uint16)
        with self._explaining():
            self._file.flush()
            return np.memmap(self._file, np.uint16, "r", shape=shape)

    def close(self) -> None:
        """Let go of the file; a mapping of it lives on."""
        with suppress(OSError):  # after a full disk the rest cannot be written either
            self._file.close()


@contextmanager
def _explaining(scratch: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot keep decoded images in '{show_name(str(scratch))}': {error.strerror}; "
            "free the place or choose another"
        ) from error


def decode(
    paths: Sequence[str],
    preprocessing: Preprocessing,
    *,
    workers: int = 2,
    scratch: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> DecodedImages:
    """Read all images with threads and keep them at the network's size.

    An image that cannot be read never stops the others. Few images are held at their own size at
    a time.

    Args:
        paths: the files.
        preprocessing: how the network's input is made.
        workers: number of threads, 1 or more.
        scratch: a folder for the pixels (2 bytes each); the file there has no name and is gone
            with the last use of the array, however the process ends. None keeps them in memory.
        progress: called after each image with the number done so far.

    Returns:
        The images kept, in the order given, and why the others were not.

    Raises:
        OutputError: if the pixels cannot be written to `scratch`.
        ValueError: if `workers` is below 1.
    """

    def read_one(image: str) -> tuple[StoredImage, _Facts] | Refusal:
        read = try_read_image(image, preprocessing)
        return read if isinstance(read, Refusal) else _shrink(read)

    size = (preprocessing.height, preprocessing.width)
    kept: dict[int, _Facts] = {}
    refusals: list[Refusal] = []
    place = _InMemory(len(paths), size) if scratch is None else _OnDisk(scratch, size)
    with closing(place) as store:
        for i, result in enumerate(
            map_ordered(read_one, paths, workers=workers, ahead=2 * workers)
        ):
            if isinstance(result, Refusal):
                refusals.append(result)
            else:
                store.add(result[0])
                kept[i] = result[1]
            if progress is not None:
                progress(i + 1)
        return _gather(store.finish(), kept, refusals)


def _shrink(read: ReadImage) -> tuple[StoredImage, _Facts]:
    small = np.rint(read.pixels * np.float32(65535)).astype(np.uint16)
    return small, _Facts(read.geometry.source_size, read.digest, read.n_bytes, read.warnings)


def _gather(
    pixels: StoredPixels, kept: dict[int, _Facts], refusals: list[Refusal]
) -> DecodedImages:
    return DecodedImages(
        pixels,
        np.array(list(kept), dtype=np.int64),
        tuple(refusals),
        tuple(one.source_size for one in kept.values()),
        tuple(one.digest for one in kept.values()),
        np.array([one.n_bytes for one in kept.values()], dtype=np.int64),
        tuple(one.warnings for one in kept.values()),
    )
