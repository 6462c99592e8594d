"""What tests do to the processes of a room that is served.

SPDX-License-Identifier: Apache-2.0
"""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def find_children(server: int) -> dict[str, int]:
    """Find the processes of a server: the module that each runs, and its id."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == server and b"-m" in words:
            module = words[words.index(b"-m") + 1].decode()
            found[module.rpartition(".")[2]] = int(folder.name)
    return found


def kill(process: int) -> bool:
    """End a process as a loss of power would."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def ask(folder: Path, statement: str, *values: object) -> list[Any]:
    """Look into the database of a room that others serve."""
    with closing(sqlite3.connect(f"file:{folder}/room.db?mode=ro", uri=True)) as connection:
        return connection.execute(statement, values).fetchall()
