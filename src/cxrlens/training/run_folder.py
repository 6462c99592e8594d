"""The folder of one run: claimed by one process, never overwritten.

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrlens.vocabulary import OutputError, show_name

LOCK_FILE = ".lock"
"""Holds the number of the process that writes into the folder; locked while it lives."""


@contextmanager
def claim_run_folder(folder: Path | None, name: str) -> Iterator[Path]:
    """Claim a folder for this process until the block ends.

    Args:
        folder: where; None counts up: `runs/NAME`, `runs/NAME2`, …
        name: used where no folder is given.

    Yields:
        The folder, empty but for its lock file.

    Raises:
        OutputError: if the folder is in use by another process, holds files already, or cannot be
            written.
    """
    try:
        is_new = folder is None or not folder.exists()
        path = _count_up(Path("runs"), name) if folder is None else folder
        path.mkdir(parents=True, exist_ok=True)
        if not (path / LOCK_FILE).exists():
            _refuse_content(path)  # before the lock: no trace is left in a stranger's folder
        lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        where = folder if folder is not None else Path("runs") / name
        raise OutputError(
            f"output folder {where} cannot be written ({error.strerror}); choose another with --out"
        ) from error
    try:
        _take_lock(lock, path)
        try:
            yield path
        except BaseException:
            _leave_no_trace(path, is_new=is_new)
            raise
        (path / LOCK_FILE).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _leave_no_trace(path: Path, *, is_new: bool) -> None:
    """Take a folder back in which nothing was written; else its lock shows it to be unfinished."""
    if {entry.name for entry in path.iterdir()} <= {LOCK_FILE}:
        (path / LOCK_FILE).unlink(missing_ok=True)
        if is_new:
            path.rmdir()


def _take_lock(lock: int, path: Path) -> None:
    try:
        # The system gives it back when this process ends, however it ends.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(lock, 20).decode("ascii", "replace").strip()
        raise OutputError(
            f"output folder {path} is in use by process {owner or 'unknown'}; "
            "choose another with --out"
        ) from error
    _refuse_content(path)
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())


def _refuse_content(path: Path) -> None:
    others = sorted(entry.name for entry in path.iterdir() if entry.name != LOCK_FILE)
    if others:
        raise OutputError(
            f"output folder {path} is not empty (it holds {show_name(others[0])!r}); nothing is "
            "ever overwritten: choose another with --out"
        )


def _count_up(parent: Path, name: str) -> Path:
    """Make the first folder of the series that does not exist yet; making it claims it."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path
