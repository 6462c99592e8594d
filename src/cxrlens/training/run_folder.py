"""The folder of one run: claimed by one process, never overwritten.

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from fnmatch import fnmatch
from pathlib import Path

from cxrlens.vocabulary import OutputError, show_name

LOCK_FILE = ".lock"
"""Holds the number of the process that writes into the folder; locked while it lives."""

_HALF = ".*.part"
"""What `write_whole` leaves of a file that a killed process was writing."""


def claim_run(
    name: str, out: Path | None = None, resume: Path | None = None
) -> AbstractContextManager[Path]:
    """Claim the folder of a new run, or of one that is gone on with.

    Args:
        name: of a new folder that counts up.
        out: a new or empty folder; None counts up.
        resume: the folder of a run that was interrupted; then `out` is None, or the same.

    Returns:
        A context that holds the folder: that of `claim_run_folder` or `claim_unfinished_run`.

    Raises:
        OutputError: if the folder cannot be used so.
    """
    if resume is None:
        return claim_run_folder(out, name)
    if out is not None and out.resolve() != resume.resolve():
        raise OutputError(
            f"a resumed training goes on in its own folder {resume}; leave --out {out} away"
        )
    return claim_unfinished_run(resume)


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
        was_claimed = (path / LOCK_FILE).exists()
        if not was_claimed:
            _refuse_content(path)  # before the lock: no trace is left in a stranger's folder
        lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        where = folder if folder is not None else Path("runs") / name
        raise OutputError(
            f"output folder {where} cannot be written ({error.strerror}); choose another with --out"
        ) from error
    with _holding(lock, path):
        _refuse_content(path, but_halves=was_claimed)
        _remove_halves(path)  # of a process that was killed in its first write
        try:
            _sign(lock, path)
            yield path
        except BaseException:
            _leave_no_trace(path, is_new=is_new)
            raise
        (path / LOCK_FILE).unlink(missing_ok=True)


@contextmanager
def claim_unfinished_run(folder: Path) -> Iterator[Path]:
    """Claim the folder of a run that was interrupted, to go on with it.

    Half-written files that it may have left are removed.

    Args:
        folder: as `claim_run_folder` gave it to the process that is gone.

    Yields:
        The folder, as it was left.

    Raises:
        OutputError: if it is no such folder, is in use by another process, or cannot be written.
    """
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR)
    except OSError as error:
        raise OutputError(
            f"{folder} is no unfinished run ({LOCK_FILE}: {error.strerror}); give the folder of a "
            "training that was interrupted"
        ) from error
    with _holding(lock, folder):
        _sign(lock, folder)
        _remove_halves(folder)
        yield folder
        (folder / LOCK_FILE).unlink(missing_ok=True)


def _remove_halves(folder: Path) -> None:
    """Remove what a process that is gone had not written whole."""
    for part in folder.rglob(_HALF):
        part.unlink()
    for half in folder.rglob(".bundle.*"):
        shutil.rmtree(half)


def _leave_no_trace(path: Path, *, is_new: bool) -> None:
    """Take a folder back in which nothing was written; else its lock shows it to be unfinished."""
    if {entry.name for entry in path.iterdir()} <= {LOCK_FILE}:
        (path / LOCK_FILE).unlink(missing_ok=True)
        if is_new:
            path.rmdir()


@contextmanager
def _holding(lock: int, path: Path) -> Iterator[None]:
    """Hold a lock while the block runs; the system gives it back however this process ends."""
    try:
        _take_lock(lock, path)
        yield
    finally:
        os.close(lock)


def _take_lock(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(lock, 20).decode("ascii", "replace").strip()
        raise OutputError(
            f"output folder {path} is in use by process {owner or 'unknown'}; "
            "choose another with --out"
        ) from error


def _sign(lock: int, path: Path) -> None:
    try:
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise OutputError(
            f"output folder {path} cannot be written ({error.strerror}); free the place or choose "
            "another with --out"
        ) from error


def _refuse_content(path: Path, *, but_halves: bool = False) -> None:
    names = sorted(entry.name for entry in path.iterdir())
    others = [n for n in names if n != LOCK_FILE and not (but_halves and fnmatch(n, _HALF))]
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
