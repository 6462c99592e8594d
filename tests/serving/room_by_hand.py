"""A room that nobody serves, for tests that look inside.

SPDX-License-Identifier: Apache-2.0
"""

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Row, Table, func, insert, select

from cxrlens.client.messages import (
    Action,
    Case,
    FindingAnswer,
    ReadingAnswer,
    ReceiptLine,
    Reveal,
    RoomSettings,
)
from cxrlens.serving import tables
from cxrlens.serving.case_view import view_case
from cxrlens.serving.checking import check
from cxrlens.serving.clock import tell_time
from cxrlens.serving.intake import receive
from cxrlens.serving.jobs import CHECKS, take
from cxrlens.serving.people import SignedIn, add_person
from cxrlens.serving.readings import Classes, Said, record
from cxrlens.serving.room import Room, RoomState, read_state, set_level, set_settings
from cxrlens.serving.trail import PREDICTED, SYSTEM, append, digest_answer
from cxrlens.vocabulary import Level


@dataclass
class RoomByHand:
    """A room that nobody serves, whose cases and answers are put there by hand."""

    room: Room
    """Open."""

    classes: Classes = field(
        default_factory=lambda: Classes(("covid", "normal", "pneumonia"), is_multilabel=False)
    )
    """Of its model."""

    def add_person(self, name: str, role: str = "reader") -> SignedIn:
        """Add a person."""
        with self.room.database.write() as connection:
            made = add_person(connection, name, role, SYSTEM)
        return SignedIn(made.id, made.name, made.role)

    def add_case(self, sender: SignedIn, **values: object) -> str:
        """Add a case, by default one that can be read, at the room's level, of no patient."""
        new_id = str(values.pop("id", None) or secrets.token_hex(16))
        with self.room.database.write() as connection:
            told: dict[str, object] = {
                "id": new_id, "received_at": tell_time(), "received_by": sender.id, "n_bytes": 1,
                "level": read_state(connection).level, "state": "ready", "height": 80,
                "width": 100, "bits": 8, **values,
            }  # fmt: skip
            connection.execute(insert(tables.case).values(**told))
        return new_id

    def add_answer(self, case_id: str, leading: str = "covid", priority: float = 0.9) -> str:
        """Store an answer of the model, as its process would, and give the id of its map."""
        map_id = secrets.token_hex(8)
        answer = {
            "decision": leading,
            "classes": [
                {
                    "name": name, "probability": priority if name == leading else 0.05,
                    "is_calibrated": False, "threshold": None, "is_decided": name == leading,
                }
                for name in self.classes.names
            ],
            "regions": [], "warnings": [],
        }  # fmt: skip
        geometry = {
            "source_size": [80, 100], "network_size": [64, 64], "top": 0.0, "left": 0.0,
            "height": 80.0, "width": 100.0,
        }  # fmt: skip
        with self.room.database.write() as connection:
            bundle = read_state(connection).bundle
            values: dict[str, object] = {
                "case_id": case_id, "bundle": bundle, "engine": "by hand", "answer": answer,
                "priority": priority, "made_at": tell_time(),
            }  # fmt: skip
            connection.execute(insert(tables.prediction).values(**values))
            connection.execute(
                insert(tables.heatmap).values(
                    id=map_id, case_id=case_id, bundle=bundle, method="cam", class_name=leading,
                    is_usable=True, geometry=geometry, rows=2, cols=2,
                    grid=np.array([[0, priority], [0.1, 0.2]], "<f4").tobytes(),
                )
            )  # fmt: skip
            told = {"bundle": bundle, "answer": digest_answer(values)}
            append(connection, SYSTEM, PREDICTED, case_id, told)
        return map_id

    def answer(self, present: str, text: str = "") -> ReadingAnswer:
        """Make what a reader says."""
        return ReadingAnswer(
            findings=tuple(
                FindingAnswer(class_name=name, present=name == present, sureness=3)
                for name in self.classes.names
            ),
            text=text,
        )

    def say(
        self, reader: SignedIn, case_id: str, action: Action, present: str = "normal",
        text: str = "", reason: str | None = None,
    ) -> None:  # fmt: skip
        """Record what a reader says of a case."""
        said = Said(reader, case_id, action, self.answer(present, text), reason)
        with self.room.database.write() as connection:
            record(connection, said, self.classes)

    def state(self) -> RoomState:
        """Read what the room is set to."""
        with self.room.database.read() as connection:
            return read_state(connection)

    def set_level(self, level: Level) -> None:
        """Set the room's level."""
        with self.room.database.write() as connection:
            set_level(connection, level, "a test wants it", SYSTEM)

    def set_up(
        self, *, reveal: Reveal = "after-commit", asks_first: bool = False, readers: int = 1
    ) -> None:
        """Set how the room goes about its levels."""
        wanted = RoomSettings(reveal=reveal, asks_first=asks_first, readers_per_case=readers)
        with self.room.database.write() as connection:
            set_settings(connection, wanted, SYSTEM)

    def view(self, reader: SignedIn, case_id: str) -> Case:
        """Give a case as a person may see it."""
        with self.room.database.read() as connection:
            found = view_case(connection, read_state(connection), reader, case_id)
        assert found is not None
        return found

    def receive(self, sender: SignedIn, *files: bytes, patient_id: str = "") -> list[ReceiptLine]:
        """Hand files in."""
        return list(
            receive(self.room, sender, iter([io.BytesIO(one) for one in files]), patient_id)
        )

    def check_all(self) -> None:
        """Do the file checks that wait, as their process would."""
        while True:
            with self.room.database.write() as connection:
                taken = take(connection, CHECKS, 4)
            if not taken:
                return
            for one in taken:
                check(self.room, one)

    def find(self, case_id: str) -> Row[Any]:
        """Give the row of a case."""
        with self.room.database.read() as connection:
            return connection.execute(select(tables.case).where(tables.case.c.id == case_id)).one()

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        with self.room.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    def list_files(self) -> set[str]:
        """List all files of images: `originals/…`, `pixels/…`, `incoming/…`."""
        folder = self.room.places.folder
        return {
            str(path.relative_to(folder))
            for kind in ("originals", "pixels", "incoming")
            for path in (folder / kind).rglob("*")
            if path.is_file()
        }

    def close(self) -> None:
        """Give back its connections."""
        self.room.database.close()


MakeRoom = Callable[..., RoomByHand]
"""`make_room(level="assistance")`: a new room that nobody serves."""
