"""A file is written whole or not at all.

SPDX-License-Identifier: Apache-2.0
"""

import os
import secrets
from pathlib import Path

from cxrlens.vocabulary import OutputError, show_name


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    The bytes go to a new file beside it and are flushed to the disk, then it takes the name. A
    process that dies in between leaves the old file as it was (and perhaps a `.….part` beside).

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
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        _write_through(part, data)
        part.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"cannot write '{show_name(str(path))}': {error.strerror}; "
            "free the place or choose another"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the new name itself survive a loss of power, where folders can be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
