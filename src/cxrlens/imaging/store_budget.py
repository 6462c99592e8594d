"""How much of a disk the store may take, and what gives way.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SHARD_SUFFIX = ".pixels"
"""Ends the name of every file of the store."""

_SHARD_NAME = re.compile(rf"[0-9a-f]{{32}}{re.escape(SHARD_SUFFIX)}")
"""Nothing else in the folder is counted or deleted."""

GIGABYTE = 1_000_000_000
"""Bytes."""


@dataclass(frozen=True)
class StoreBudget:
    """A folder whose shards may have so many bytes in all."""

    folder: Path
    """The store's."""

    limit_bytes: int
    """Of all shards together. Two processes that add at once may pass it by an image each."""

    def make_room(self, own: Path, n_bytes: int) -> str | None:
        """Delete the shards that were used least recently, until there is room to grow.

        A shard is deleted whole. Who has it open keeps what is mapped, and adds no more.

        Args:
            own: the shard that is to grow, which is never deleted.
            n_bytes: by how much.

        Returns:
            Why there is no room; None where there is.

        Raises:
            OSError: if a shard cannot be deleted.
        """
        shards = self._measure()
        total = n_bytes + sum(status.st_size for status in shards.values())
        others = sorted((one for one in shards if one != own), key=lambda one: shards[one].st_mtime)
        for path in others:
            if total <= self.limit_bytes:
                break
            path.unlink(missing_ok=True)
            total -= shards[path].st_size
        if total > self.limit_bytes:
            return f"its limit of {self.limit_bytes / GIGABYTE:g} GB is reached"
        return None

    def _measure(self) -> dict[Path, os.stat_result]:
        found = {}
        for path in self.folder.iterdir():
            if _SHARD_NAME.fullmatch(path.name):
                with suppress(FileNotFoundError):  # another process makes room too
                    found[path] = path.stat()
        return found
