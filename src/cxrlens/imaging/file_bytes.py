"""The bytes of one regular file, without ever hanging on a file that is none.

SPDX-License-Identifier: Apache-2.0
"""

import os
import stat
from pathlib import Path

from cxrlens.imaging.file_kind import HEAD_BYTES
from cxrlens.vocabulary import ImageRefused, show_name

MAX_FILE_BYTES = 500_000_000
"""Larger files are refused unread: no radiograph comes near."""

_NOT_BLOCKING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file; nothing is left open.

    Args:
        path: a regular file, or a link to one.

    Returns:
        Its bytes.

    Raises:
        ImageRefused: `not-a-file` (missing, folder, pipe, device, dangling or looping link),
            `unreadable` (no permission, a fault of the disk), `empty`, or `too-large` (more than
            `MAX_FILE_BYTES`).
    """
    data = _read(path, MAX_FILE_BYTES)
    if not data:
        raise ImageRefused("empty", f"{_name(path)} is empty (0 bytes): copy the file again")
    return data


def read_head(path: str | os.PathLike[str], n_bytes: int = HEAD_BYTES) -> bytes:
    """Read the first bytes of a file, or all of a shorter one.

    Args:
        path: a regular file, or a link to one.
        n_bytes: how many.

    Returns:
        Its first bytes; none for an empty file.

    Raises:
        ImageRefused: `not-a-file`, `unreadable` or `too-large`, as `read_bytes`.
    """
    return _read(path, n_bytes)


def _read(path: str | os.PathLike[str], limit: int) -> bytes:
    try:
        # A pipe or a device must not even be opened: that alone can hang or act.
        _check_size(path, Path(path).stat())
        handle = os.open(path, os.O_RDONLY | _NOT_BLOCKING)
        with os.fdopen(handle, "rb") as file:
            size = _check_size(path, os.fstat(handle))  # it may have been swapped since
            return file.read(min(size + 1, limit))  # `read` takes memory for all it is asked for
    except PermissionError as error:
        raise ImageRefused(
            "unreadable", f"{_name(path)} may not be read: give yourself read permission"
        ) from error
    except (OSError, ValueError) as error:
        raise _explain(path, error) from error


def _check_size(path: str | os.PathLike[str], status: os.stat_result) -> int:
    """Give the size of a regular file; refuse everything else."""
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise ImageRefused("not-a-file", f"{_name(path)} is {kind}, not a file: name an image file")
    if status.st_size > MAX_FILE_BYTES:
        raise ImageRefused(
            "too-large",
            f"{_name(path)} has {status.st_size} bytes, more than {MAX_FILE_BYTES}: "
            "no radiograph is that large",
        )
    return status.st_size


def _explain(path: str | os.PathLike[str], error: OSError | ValueError) -> ImageRefused:
    """A fault on an existing file is the disk's; every other one means that there is no file."""
    if os.path.exists(path):  # noqa: PTH110 (Path.exists raises on names that are too long)
        return ImageRefused("unreadable", f"{_name(path)} cannot be read: {error.args[-1]}")
    is_link = os.path.islink(path)  # noqa: PTH114 (as above)
    why = "is a link that leads nowhere" if is_link else "does not exist"
    return ImageRefused("not-a-file", f"{_name(path)} {why}: check the path")


def _name(path: str | os.PathLike[str]) -> str:
    return repr(show_name(os.fspath(path)))
