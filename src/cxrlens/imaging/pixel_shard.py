"""One file of decoded images that were all made the same way.

SPDX-License-Identifier: Apache-2.0

Records lie one behind the other and nothing else is in the file: their addresses are the index.
The file only ever grows, so what is mapped stays. Whoever adds a record holds the file's lock,
which the system gives back however a process ends; half a record at the end is written over by
the next one.
"""

import errno
import fcntl
import mmap
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrlens.imaging.pixel_record import (
    RecordFormat,
    Records,
    StoredImage,
    StoredPixels,
    list_addresses,
    read_record_facts,
)

_PATIENCE_SECONDS = 10.0
"""A record is added in less than a millisecond; whoever holds the lock for longer is stopped."""


@dataclass(frozen=True, eq=False)
class KeptImage:
    """One image of a shard, which has proved to be intact."""

    row: int
    """Its place in the shard."""

    facts: bytes
    """As they were kept."""

    pixels: StoredImage
    """A part of the map."""


class PixelShard:
    """A memory map of one file, and the way to add to it. Threads may share it."""

    def __init__(
        self, path: Path, record_format: RecordFormat, make_room: Callable[[int], str | None]
    ) -> None:
        """Open the file, or make it.

        Args:
            path: the file; where it cannot be made or opened, nothing is found and nothing kept.
            record_format: of its records.
            make_room: is asked before so many bytes are added; says why that cannot be, or None.
        """
        self.path = path
        """The file."""
        self.fault: str | None = None
        """Why images cannot be added; None where they can."""
        self._format = record_format
        self._dtype = record_format.dtype
        self._make_room = make_room
        self._guard = threading.Lock()
        self._n = 0
        self._records: Records = np.empty(0, dtype=self._dtype)
        self._rows: dict[bytes, int] = {}
        self._intact: set[int] = set()
        self._handle = self._open(path)
        if self._handle is not None:
            weakref.finalize(self, os.close, self._handle)

    def find(self, address: bytes) -> KeptImage | None:
        """Look for an image, and prove it where it is asked for the first time.

        Args:
            address: 32 bytes.

        Returns:
            The image; None where there is none, or it is damaged.
        """
        row, records = None, self._records
        with self._guard, self._noting_faults():
            self._refresh()
            row, records = self._rows.get(address), self._records
        if row is None:
            return None
        one = records[row : row + 1]
        if not self._prove(row, one):
            with self._guard:
                self._forget(address, row)
            return None
        return KeptImage(row, read_record_facts(one), one["pixels"][0])

    def keep(self, address: bytes, facts: bytes, pixels: StoredImage) -> int | None:
        """Add an image, unless another process has added it meanwhile.

        Args:
            address: 32 bytes.
            facts: what `KeptImage.facts` gives back.
            pixels: of the format's size.

        Returns:
            Its place in the shard; None where it is not kept, and `fault` says why unless it is
            this image alone that has too many facts.
        """
        record = self._format.pack(address, facts, pixels)
        if record is None:
            return None
        with self._guard, self._noting_faults():
            if self.fault is None and self._handle is not None:
                return self._add(self._handle, address, record)
        return None

    def view(self, start: int, stop: int) -> StoredPixels:
        """Give the pixels of neighbouring images, as they lie in the file.

        Args:
            start: the first one's place.
            stop: the place behind the last.

        Returns:
            A read-only part of the map; it stays, also when the file is deleted.

        Raises:
            OSError: if the file cannot be mapped.
        """
        with self._guard:
            self._refresh()
            return self._records["pixels"][start:stop]

    def _open(self, path: Path) -> int | None:
        own = os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | own, 0o666)
        except OSError as error:
            self.fault = error.strerror
            try:
                return os.open(path, os.O_RDONLY | own)
            except OSError:  # then there is nothing to be read either; `fault` tells the rest
                return None
        with suppress(OSError):  # of another user: then it only seems to be used less
            os.utime(handle)
        return handle

    def _add(self, handle: int, address: bytes, record: bytes) -> int | None:
        with _locking(handle):
            self._refresh()
            row = self._rows.get(address)
            if row is not None and self._prove(row, self._records[row : row + 1]):
                return row
            if os.fstat(handle).st_nlink == 0:
                raise OSError(errno.ESTALE, "it was deleted meanwhile")
            refusal = self._make_room(len(record))
            if refusal is not None:
                raise OSError(errno.EDQUOT, refusal)
            row = self._n
            _write_at(handle, record, row * len(record))
        self._intact.add(row)
        return row

    def _refresh(self) -> None:
        """Take note of what was added."""
        if self._handle is None:
            return
        n = os.fstat(self._handle).st_size // self._dtype.itemsize
        if n < self._n:  # touching what is gone would end the process
            self._rows.clear()
            raise OSError(errno.ESTALE, "it was cut short by another program")
        if n == self._n:
            return
        mapped = mmap.mmap(self._handle, n * self._dtype.itemsize, prot=mmap.PROT_READ)
        self._records = np.frombuffer(mapped, dtype=self._dtype, count=n)
        for row, address in enumerate(list_addresses(self._records[self._n :]), self._n):
            self._rows[address] = row  # where there are several, an earlier one was damaged
        self._n = n

    def _prove(self, row: int, one: Records) -> bool:
        if row not in self._intact and self._format.is_intact(one):
            self._intact.add(row)
        return row in self._intact

    def _forget(self, address: bytes, row: int) -> None:
        if self._rows.get(address) == row:
            del self._rows[address]

    @contextmanager
    def _noting_faults(self) -> Iterator[None]:
        """What stands in the way of the store is no reason to stop the work that it is to speed."""
        try:
            yield
        except OSError as error:
            self.fault = error.strerror


@contextmanager
def _locking(handle: int) -> Iterator[None]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise OSError(errno.EBUSY, "another process does not let go of it") from error
            time.sleep(0.002)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _write_at(handle: int, data: bytes, place: int) -> None:
    """Write all; a full disk takes a part first and then says why not the rest."""
    done = 0
    while done < len(data):
        done += os.pwrite(handle, data[done:], place + done)
