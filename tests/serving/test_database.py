"""A database that is locked, damaged, newer or on a full disk is told in one sentence.

SPDX-License-Identifier: Apache-2.0
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from cxrlens.serving import database, tables
from cxrlens.serving.database import Busy, Database, Unusable
from cxrlens.serving.tables import SCHEMA_VERSION
from cxrlens.vocabulary import InputError

from .room_by_hand import RoomByHand


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "room.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process writes, and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_block_that_fails_changes_nothing(hand: RoomByHand) -> None:
    def fail() -> None:
        with hand.room.database.write() as connection:
            connection.execute(insert(tables.patient).values(pseudonym="1", patient_id="P-1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert hand.count(tables.patient) == 0


def test_a_reader_sees_one_state_while_others_write(hand: RoomByHand) -> None:
    with hand.room.database.read() as connection:
        assert connection.execute(select(tables.patient)).all() == []
        with hand.room.database.write() as writer:
            writer.execute(insert(tables.patient).values(pseudonym="1", patient_id="P-1"))
        assert connection.execute(select(tables.patient)).all() == []
    assert hand.count(tables.patient) == 1


def test_writers_wait_for_each_other(hand: RoomByHand) -> None:
    def add(number: int) -> None:
        for turn in range(5):
            with hand.room.database.write() as connection:
                known = len(connection.execute(select(tables.patient)).all())
                connection.execute(
                    insert(tables.patient).values(
                        pseudonym=f"{known}", patient_id=f"{number} {turn}"
                    )
                )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hand.count(tables.patient) == 40


def test_a_locked_database_is_busy_and_then_works(
    hand: RoomByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hand.room.database.path
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.3)
    other = Database(path)
    with locked(path):
        began = time.monotonic()
        with pytest.raises(Busy, match=r"'room\.db' has been locked"), other.write():
            pass
        assert 0.2 < time.monotonic() - began < 3
        with other.read() as connection:  # readers need not wait
            connection.execute(select(tables.room)).one()
        with pytest.raises(Busy):
            Database(path)
    with other.write() as connection:
        connection.execute(select(tables.room)).one()
    other.close()


def test_a_newer_room_is_refused(path: Path) -> None:
    Database(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(
        InputError, match=f"of version {SCHEMA_VERSION + 1}, and this cxrlens knows"
    ):
        Database(path)


def test_another_programs_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (x)")
    with pytest.raises(InputError, match="not of a reading room"):
        Database(path)


def damage(path: Path, which: str) -> None:
    with closing(sqlite3.connect(path)) as other:  # all of it in the one file
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    if which == "head":
        data[:16] = b"x" * 16
    elif which == "middle":
        data[4096 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4096)
    elif which == "short":
        data = data[: len(data) - 4096 * 5]
    path.write_bytes(data)


@pytest.mark.parametrize("which", ["head", "middle", "short"])
def test_a_damaged_database_is_one_sentence(hand: RoomByHand, which: str) -> None:
    path = hand.room.database.path
    hand.close()
    damage(path, which)
    with pytest.raises(Unusable) as refused:
        Database(path)
    said = str(refused.value)
    assert said.startswith(f"'{path}' is damaged (")
    assert "backup" in said
    assert "\n" not in said


def test_damage_is_found_while_the_room_is_served(hand: RoomByHand) -> None:
    path = hand.room.database.path
    hand.room.database.forget()
    hand.close()
    damage(path, "middle")
    with pytest.raises(Unusable), hand.room.database.read() as connection:
        connection.execute(select(tables.trail)).all()


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be used: unable to open"):
        Database(tmp_path / "nowhere" / "room.db")


def test_names_of_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("a?mode=memory", "50%20", "ä #1", "a;b"):
        folder = tmp_path / name
        folder.mkdir()
        Database(folder / "room.db").close()
        assert (folder / "room.db").is_file()


def test_a_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = next(
        line.split(" ")[2]
        for line in sorted(
            Path("/proc/mounts").read_text().splitlines(), key=lambda line: -len(line.split(" ")[1])
        )
        if path.resolve().is_relative_to(line.split(" ")[1])
    )
    monkeypatch.setattr(database, "_NETWORK_FILE_SYSTEMS", frozenset({kind}))
    with pytest.raises(InputError, match=f"network file system \\({kind}\\)"):
        Database(path)
    assert not path.exists()


def test_what_is_deleted_is_gone_from_every_file(hand: RoomByHand) -> None:
    with hand.room.database.write() as connection:
        connection.execute(insert(tables.patient).values(pseudonym="1", patient_id="ZEBRA"))
    with hand.room.database.read() as connection:
        connection.execute(select(tables.patient)).all()
        with hand.room.database.write() as writer:
            writer.execute(text("DELETE FROM patient"))
    assert hand.room.database.forget()
    for one in hand.room.places.folder.iterdir():
        assert one.is_dir() or b"ZEBRA" not in one.read_bytes()
