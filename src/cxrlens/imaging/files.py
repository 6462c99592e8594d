"""A file is written whole or not at all.

SPDX-License-Identifier: Apache-2.0
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cxrlens.vocabulary import OutputError, show_name


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Args:
        path: the file; replaced where there is one. Its folder must exist.
        data: the content.

    Raises:
        OutputError: if the place cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_whole(Path(folder) / "a.txt", b"whole")
        ...     (Path(folder) / "a.txt").read_bytes()
        b'whole'
    """
    with open_whole(path) as write:
        write(data)


@contextmanager
def open_whole(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Write a file piece by piece, so that a reader sees the old one or the new one, never a part.

    The bytes go to a new file beside it; when the block ends they are flushed to the disk, and it
    takes the name. A block that fails leaves the old file as it was, and so does a process that
    dies (with perhaps a `.….part` beside).

    Args:
        path: the file; replaced where there is one. Its folder must exist.

    Yields:
        What is called with each piece.

    Raises:
        OutputError: if the place cannot be written.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    with _explaining(path):
        file = part.open("xb")

    def write(data: bytes) -> None:
        with _explaining(path):
            file.write(data)

    try:
        yield write
        with _explaining(path):
            file.flush()
            os.fsync(file.fileno())
            file.close()
            part.replace(path)
            _flush_folder(path.parent)
    finally:
        with suppress(OSError):  # after a full disk the rest cannot be written either
            file.close()
        part.unlink(missing_ok=True)


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write '{show_name(str(path))}': {error.strerror}; "
            "free the place or choose another"
        ) from error


def _flush_folder(folder: Path) -> None:
    """Make the new name itself survive a loss of power, where folders can be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
