"""Which files a command is to read.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """List files as given, and everything in folders that does not start with a dot, in order.

    Links to folders and folders that cannot be listed are given as they are: reading them is
    refused by name.
    """
    closed: list[Path] = []

    def note_closed(error: OSError) -> None:
        closed.append(Path(error.filename))

    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on names that are too long)
            yield path
            continue
        for folder, subfolders, names in os.walk(path, onerror=note_closed):
            links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            found = sorted(name for name in (*names, *links) if not name.startswith("."))
            yield from (Path(folder) / name for name in found)
    yield from closed
