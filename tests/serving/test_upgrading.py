"""A room of an older version opens, keeps what it holds, and works.

SPDX-License-Identifier: Apache-2.0
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cxrlens.client.messages import ReferenceAnswer
from cxrlens.serving import tables
from cxrlens.serving.database import Database
from cxrlens.serving.readings import set_reference
from cxrlens.serving.room import open_room
from cxrlens.serving.tables import SCHEMA_VERSION
from cxrlens.serving.verifying import verify

from .automated_room import make_automated_room
from .room_by_hand import MakeRoom

OLD = Path(__file__).parent / "room_of_version_1.sql"


def dump(path: Path) -> dict[str, list[Any]]:
    """All rows of all tables of version 1, with the columns of that time."""
    with closing(sqlite3.connect(":memory:")) as old, closing(sqlite3.connect(path)) as here:
        old.executescript(OLD.read_text(encoding="ascii"))
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        names = [row[0] for row in old.execute(asked)]
        found = {}
        for name in names:
            columns = [f'"{row[1]}"' for row in old.execute(f"PRAGMA table_info({name})")]
            listed = ", ".join(columns)
            rows = here.execute(f"SELECT {listed} FROM {name}").fetchall()  # noqa: S608
            found[name] = [listed, rows]
        return found


@pytest.fixture
def old_room(make_room: MakeRoom, tmp_path: Path) -> Path:
    """A folder with a room of version 1 in which something happened."""
    hand = make_room()
    reader, lead = hand.add_person("Reader"), hand.add_person("Lead", "lead")
    read, _ = hand.add_case(reader, pseudonym="1" * 16), hand.add_case(reader)
    hand.add_answer(read)
    hand.say(reader, read, "commit", "pneumonia", text="left base")
    with hand.room.database.write() as connection:
        answer = ReferenceAnswer(findings={"pneumonia": True}, source="CT")
        set_reference(connection, lead, read, answer, hand.classes)
    hand.close()
    filled = dump(hand.room.places.database)
    folder = tmp_path / "old" / "room"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / hand.room.places.database.name)) as made:
        made.executescript(OLD.read_text(encoding="ascii"))
        for name, (listed, rows) in filled.items():
            marks = ", ".join("?" * (listed.count(",") + 1))
            made.executemany(f"INSERT INTO {name} ({listed}) VALUES ({marks})", rows)  # noqa: S608
        made.commit()
    return folder


def list_schema(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Name, type and whether it must be given, of every column; and the triggers."""
    with closing(sqlite3.connect(path)) as here:
        names = [row[0] for row in here.execute("SELECT name FROM sqlite_master")]
        return {
            name: {(row[1], row[2], row[3]) for row in here.execute(f"PRAGMA table_info({name})")}
            for name in names
        }


def test_it_opens_and_keeps_what_it_holds(old_room: Path, tmp_path: Path) -> None:
    path = old_room / "room.db"
    before = dump(path)
    assert all(len(before[name][1]) for name in ("trail", "reading", "prediction", "reference"))
    room = open_room(old_room)
    with room.database.read() as connection:
        assert verify(connection).fault is None
        row = connection.execute(select(tables.reference)).one()
        assert row.first_line == 0  # before every promise
    room.database.close()
    assert dump(path) == before
    new = tmp_path / "new.db"
    Database(new).close()
    assert list_schema(path) == list_schema(new)
    with closing(sqlite3.connect(path)) as here:
        assert here.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    open_room(old_room).database.close()  # and again


def test_it_works(old_room: Path) -> None:
    with closing(sqlite3.connect(old_room / "room.db")) as here:
        here.execute("UPDATE room SET classes = NULL")
        here.commit()
    room = make_automated_room(old_room.parent)
    room.note_preparation()
    room.certify()
    room.raise_to("partial")
    decided = room.decision(room.add(0.01))
    assert decided is not None
    with room.hand.room.database.read() as connection:
        assert verify(connection).fault is None
    room.hand.close()
