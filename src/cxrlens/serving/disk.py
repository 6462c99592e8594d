"""A disk is not filled to its end, and a full one told apart from its other faults.

SPDX-License-Identifier: Apache-2.0
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrlens.serving.database import OutOfSpace

LEAST_FREE_BYTES = 512 * 2**20
"""Of the disk under the room, that images leave free: readings must still be written."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system calls a full disk and a used-up quota."""


def require_space(folder: Path, n_bytes: int = 0) -> None:
    """Stop before images take the last of the disk.

    Args:
        folder: on the disk.
        n_bytes: that are to be written.

    Raises:
        OutOfSpace: if less than `LEAST_FREE_BYTES` would be left.
    """
    free = shutil.disk_usage(folder).free
    if free - n_bytes < LEAST_FREE_BYTES:
        raise OutOfSpace(
            f"the disk under the room has {free / 2**20:,.0f} MB left, and "
            f"{LEAST_FREE_BYTES / 2**20:,.0f} MB stay free: free some space"
        )


@contextmanager
def minding_space() -> Iterator[None]:
    """Let a full disk be told by its own error while the block writes files.

    Raises:
        OutOfSpace: where the block could not write since the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise OutOfSpace(
            f"the disk under the room is full ({error.strerror}): free some space"
        ) from error
