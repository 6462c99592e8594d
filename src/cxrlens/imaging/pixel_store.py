"""Decoded images on disk, shared by epochs, runs and processes.

SPDX-License-Identifier: Apache-2.0
"""

import platform
import threading
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from importlib.metadata import version
from pathlib import Path

from cxrlens.imaging.pixel_record import RecordFormat
from cxrlens.imaging.pixel_shard import PixelShard
from cxrlens.imaging.preprocessing import Preprocessing
from cxrlens.imaging.store_budget import GIGABYTE, SHARD_SUFFIX, StoreBudget
from cxrlens.vocabulary import InputError, OutputError, digest_lines, show_name

DEFAULT_LIMIT_GB = 20.0
"""About 190,000 images of 224 x 224 pixels."""

PIXEL_PATH = 2
"""Version of all that lies between a file's bytes and the network's input; to be raised with every
change that moves a pixel, a warning or a refusal, and with the layout of a record."""

_LIBRARIES = ("cxrlens", "numpy", "pillow", "pydicom", "python-gdcm", "pyjpegls", "h5py", "scipy")
"""What pixels are made with."""


class PixelStore:
    """A folder with one file for each way to make a network's input. Threads may share it.

    An image is found by its content, whatever its file is called, and only among those that were
    made by the same preprocessing, the same versions of everything that makes pixels, and on the
    same kind of machine. Each proves itself by a checksum before it is used for the first time.

    What lies there are the pixels of patients.

    Raises:
        InputError: if the limit is not above 0.
        OutputError: if the folder is none, or cannot be made.
    """

    def __init__(self, folder: Path, limit_gb: float = DEFAULT_LIMIT_GB) -> None:
        """Open a store.

        Args:
            folder: made where it is missing, and then closed to other users.
            limit_gb: GB (10⁹ bytes) that all its files may take; the ones used least recently are
                deleted before it is passed.
        """
        if not limit_gb > 0:
            raise InputError(f"the store's limit must be above 0 GB; got {limit_gb:g}")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the store '{show_name(str(folder))}': {error.strerror}; choose "
                "another folder"
            ) from error
        self.folder = folder
        """Where it lies."""
        self._budget = StoreBudget(folder, int(limit_gb * GIGABYTE))
        self._shards: dict[Preprocessing, PixelShard] = {}
        self._guard = threading.Lock()

    def open_shard(self, preprocessing: Preprocessing) -> PixelShard:
        """Open the file of one preprocessing; once for all who ask for it.

        Args:
            preprocessing: how the network's input is made.
        """
        with self._guard:
            if preprocessing not in self._shards:
                self._shards[preprocessing] = self._open(preprocessing)
            return self._shards[preprocessing]

    def _open(self, preprocessing: Preprocessing) -> PixelShard:
        key = digest_lines(_describe(preprocessing))
        path = self.folder / f"{key[:32]}{SHARD_SUFFIX}"
        record_format = RecordFormat(key, (preprocessing.height, preprocessing.width))
        return PixelShard(path, record_format, partial(self._budget.make_room, path))


def _describe(preprocessing: Preprocessing) -> Iterator[str]:
    """All that pixels depend on beside the image."""
    yield f"pixel path {PIXEL_PATH}"
    yield platform.machine()
    yield from (f"{name} {version(name)}" for name in _LIBRARIES)
    yield from (f"{one.name} {getattr(preprocessing, one.name)!r}" for one in fields(preprocessing))
