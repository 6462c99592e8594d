"""Where a room keeps its files.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from pathlib import Path

DATABASE_FILE = "room.db"
LOCK_FILE = "room.lock"
INCOMING_FOLDER = "incoming"
HEADS_FILE = "trail-heads.txt"


@dataclass(frozen=True)
class Places:
    """Paths in a room's folder; none is made from what a client sent."""

    folder: Path
    """Of the room."""

    @property
    def database(self) -> Path:
        """Of all records."""
        return self.folder / DATABASE_FILE

    @property
    def lock(self) -> Path:
        """Held by the one process that serves the room."""
        return self.folder / LOCK_FILE

    @property
    def heads(self) -> Path:
        """Heads of the trail, a line each time the room was opened or closed: keep a copy."""
        return self.folder / HEADS_FILE

    @property
    def incoming(self) -> Path:
        """Of uploads that are not whole yet; emptied when the room is opened."""
        return self.folder / INCOMING_FOLDER

    def original(self, case_id: str) -> Path:
        """Of an image as it was received."""
        return self.folder / "originals" / case_id[:2] / case_id

    def pixels(self, case_id: str) -> Path:
        """Of an image as it is displayed: gzip of its rows, little-endian."""
        return self.folder / "pixels" / case_id[:2] / f"{case_id}.gz"
