"""Where decoded pixels gather, image after image, to become one array.

SPDX-License-Identifier: Apache-2.0
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from cxrlens.imaging.pixel_record import StoredImage, StoredPixels
from cxrlens.imaging.pixel_shard import PixelShard
from cxrlens.vocabulary import OutputError, show_name


@runtime_checkable
class PixelPlace(Protocol):
    """Takes images one by one and gives them all."""

    def add(self, pixels: StoredImage, row: int | None) -> None:
        """Append one image; `row` is its place in a shard, None where it is in none."""
        ...

    def finish(self) -> StoredPixels:
        """Give all images added."""
        ...

    def close(self) -> None:
        """Let go of what is no longer needed; the array stays."""
        ...


class InMemory:
    """Pixels gather in an array."""

    def __init__(self, limit: int, size: tuple[int, int]) -> None:
        """Make room for `limit` images of (height, width) `size`."""
        self._array = np.empty((limit, *size), dtype=np.uint16)
        self._n = 0

    def add(self, pixels: StoredImage, row: int | None) -> None:
        """Append one image."""
        del row
        self._array[self._n] = pixels
        self._n += 1

    def finish(self) -> StoredPixels:
        """Give all images added."""
        return self._array[: self._n]

    def close(self) -> None:
        """Nothing is to be let go of."""


class OnDisk:
    """Pixels gather in a file without a name.

    Raises:
        OutputError: here and in `add` and `finish`, if it cannot be written.
    """

    def __init__(self, scratch: Path, size: tuple[int, int]) -> None:
        """Open the file in the folder `scratch`, for images of (height, width) `size`."""
        self._size = size
        self._n = 0
        self._explaining = partial(_explaining, scratch)
        with self._explaining():
            self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (see `close`)

    def add(self, pixels: StoredImage, row: int | None) -> None:
        """Append one image."""
        del row
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


class InShard:
    """Pixels stay where they lie in a shard, as long as they lie there one behind the other.

    They do after the first reading of a table and whenever the same table is read again. Where
    they do not (another table, a file that is there twice, two processes that fill the shard
    together), they are copied to another place.
    """

    def __init__(self, shard: PixelShard, make_spare: Callable[[], PixelPlace]) -> None:
        """Prepare to give a part of the shard, or to gather in the spare place."""
        self._shard = shard
        self._make_spare = make_spare
        self._spare: PixelPlace | None = None
        self._start = 0
        self._n = 0

    def add(self, pixels: StoredImage, row: int | None) -> None:
        """Append one image."""
        if self._spare is None and row is not None:
            if self._n == 0:
                self._start = row
            if row == self._start + self._n:
                self._n += 1
                return
        if self._spare is None:
            self._spare = self._make_spare()
            for at, before in enumerate(self._view(), self._start):
                self._spare.add(before, at)
        self._spare.add(pixels, row)

    def finish(self) -> StoredPixels:
        """Give all images added.

        Raises:
            OutputError: if the shard was cut short meanwhile.
        """
        return self._view() if self._spare is None else self._spare.finish()

    def close(self) -> None:
        """Let go of the spare place."""
        if self._spare is not None:
            self._spare.close()

    def _view(self) -> StoredPixels:
        with _explaining(self._shard.path.parent):
            return self._shard.view(self._start, self._start + self._n)


@contextmanager
def _explaining(scratch: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot keep decoded images in '{show_name(str(scratch))}': {error.strerror}; "
            "free the place or choose another"
        ) from error
