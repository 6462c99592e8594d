"""A full disk is told apart from every other fault of a disk.

SPDX-License-Identifier: Apache-2.0
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from cxrlens.serving.database import OutOfSpace

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system calls a full disk and a used-up quota."""


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
