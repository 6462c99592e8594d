"""Rows of features are gathered in memory or, where they are many, in a file without a name.

SPDX-License-Identifier: Apache-2.0
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from cxrlens.inference import FeatureTable
from cxrlens.vocabulary import OutputError, show_name

MOST_BYTES = 2**28
"""Of features that one stage keeps in memory; more of them go into files."""


def choose_scratch(n_bytes: int, folder: Path | None) -> Path | None:
    """Decide by their size where features are kept.

    Args:
        n_bytes: of all that will be kept at a time.
        folder: where a file may be made; None where none may.

    Returns:
        The folder; None keeps them in memory.
    """
    return None if n_bytes <= MOST_BYTES else folder


def gather_features(
    parts: Iterable[FeatureTable], n_rows: int, n_features: int, scratch: Path | None
) -> FeatureTable:
    """Gather features as they are computed.

    Args:
        parts: tables one below the other, n_rows in all.
        n_rows: of the whole.
        n_features: columns, 1 or more.
        scratch: a folder for them (4 bytes each); the file there has no name and is gone with the
            last use of the table, however the process ends. None keeps them in memory.

    Returns:
        n_rows x n_features; read-only where it lies on disk.

    Raises:
        OutputError: if they cannot be written to `scratch`.
    """
    if scratch is None or n_rows == 0:  # nothing cannot be mapped
        table = np.empty((n_rows, n_features), dtype=np.float32)
        start = 0
        for part in parts:
            table[start : start + len(part)] = part
            start += len(part)
        return table
    with _open_unnamed(scratch) as file:
        for part in parts:
            # Written, not mapped: a full disk is an error here and would be a crash there.
            with _explaining(scratch):
                file.write(part.tobytes())
        with _explaining(scratch):
            file.flush()
            return np.memmap(file, np.float32, "r", shape=(n_rows, n_features))


@contextmanager
def _open_unnamed(scratch: Path) -> Iterator[IO[bytes]]:
    """Open a file without a name; a mapping of it lives on."""
    with _explaining(scratch):
        file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (see below)
    try:
        yield file
    finally:
        with suppress(OSError):  # after a full disk the rest cannot be written either
            file.close()


@contextmanager
def _explaining(scratch: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot keep features in '{show_name(str(scratch))}': {error.strerror}; free the "
            "place, take another --out, or fewer views"
        ) from error
