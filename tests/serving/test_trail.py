"""What was changed behind the room's back is found, and an erased patient is no change.

SPDX-License-Identifier: Apache-2.0
"""

# ruff: noqa: S608 - statements are put together from the names of our own tables

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from cxrlens.serving import tables
from cxrlens.serving.patients import erase_patient
from cxrlens.serving.trail import START, SYSTEM, Head, append, read_head
from cxrlens.serving.verifying import Verdict, verify

from .room_by_hand import RoomByHand


def check(hand: RoomByHand, known: Head | None = None) -> Verdict:
    with hand.room.database.read() as connection:
        return verify(connection, known)


def head(hand: RoomByHand) -> Head:
    with hand.room.database.read() as connection:
        return read_head(connection)


class Burglar:
    """Writes into the database without asking its triggers."""

    def __init__(self, hand: RoomByHand) -> None:
        self._connection = sqlite3.connect(hand.room.places.database, isolation_level=None)
        for name in ("trail", "reading"):
            for verb in ("update", "delete"):
                self._connection.execute(f"DROP TRIGGER IF EXISTS {name}_{verb}")

    def do(self, statement: str, *values: object) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()

    def leave(self) -> None:
        self._connection.close()


@pytest.fixture
def read_room(hand: RoomByHand) -> RoomByHand:
    """A room in which two people read three cases of one patient, and one amended."""
    with hand.room.database.write() as connection:
        connection.execute(
            insert(tables.patient).values(pseudonym="5" * 16, patient_id="PAT-1", name="Doe^Jane")
        )
    anna, ben = hand.add_person("Anna"), hand.add_person("Ben", "lead")
    hand.set_up(asks_first=True, readers=2)
    for number in range(3):
        one = hand.add_case(anna, pseudonym="5" * 16 if number < 2 else None)
        hand.add_answer(one)
        for reader in (anna, ben):
            hand.say(reader, one, "first-answer", "normal", text=f"first of {number}")
            hand.say(reader, one, "commit", "covid", text="Mrs Doe, seen twice")
    hand.say(ben, one, "amend", "normal", text="no", reason="Mrs Doe is right")
    return hand


def test_trail_of_a_room_verifies(read_room: RoomByHand) -> None:
    found = check(read_room, head(read_room))
    assert found.fault is None
    assert found.n_lines == found.head.seq == head(read_room).seq


def test_lines_are_chained_from_the_start(hand: RoomByHand) -> None:
    with hand.room.database.write() as connection:
        number = append(connection, SYSTEM, "tried", "room", {"n": 1.5, "who": None, "x": ["ä"]})
        assert read_head(connection).seq == number
    burglar = Burglar(hand)
    rows = burglar.do("SELECT previous, hash FROM trail ORDER BY seq")
    burglar.leave()
    assert rows[0][0] == START
    assert [after[0] for after in rows[1:]] == [before[1] for before in rows[:-1]]


@pytest.mark.parametrize("name", ["trail", "reading"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET at = 'x' WHERE seq = 1",
        "DELETE FROM {} WHERE seq = 1",
        "INSERT OR REPLACE INTO {} SELECT * FROM {} WHERE seq = 1",
    ],
)
def test_triggers_keep_rows_as_they_are(read_room: RoomByHand, name: str, statement: str) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        read_room.room.database.write() as connection,
    ):
        connection.execute(text(statement.format(name, name)))
    assert check(read_room).fault is None


def _edit(what: str) -> list[tuple[str, str]]:
    edits = {
        "edited": ("UPDATE trail SET subject = 'other' WHERE seq = 5", "line 5 was changed"),
        "deleted": ("DELETE FROM trail WHERE seq = 5", "line 5 is missing"),
        "first deleted": ("DELETE FROM trail WHERE seq = 1", "line 1 is missing"),
        "inserted": (
            "INSERT INTO trail SELECT max(seq) + 1, at, actor, action, subject, details, "
            "previous, hash FROM trail",
            "does not follow the one before it",
        ),
        "reading deleted": ("DELETE FROM reading WHERE seq = 2", "tells of is missing"),
        "reading copied": (
            "INSERT INTO reading SELECT 99, case_id, person_id, kind, 7, findings, words, reason, "
            "level, bundle, machine_was_shown, seconds, at, digest FROM reading WHERE seq = 2",
            "reading 99 is not as the trail tells of it",
        ),
        "words changed": (
            "UPDATE words SET text = 'I said so' WHERE hash = (SELECT words FROM reading "
            "WHERE seq = 1)",
            "the words of reading 1 are not as they were committed",
        ),
        "words deleted": (
            "DELETE FROM words WHERE hash = (SELECT words FROM reading WHERE seq = 1)",
            "the words of reading 1 are not as they were committed",
        ),
        "reason changed": (
            "UPDATE words SET text = 'so' WHERE hash = (SELECT reason FROM reading "
            "WHERE reason IS NOT NULL)",
            "are not as they were committed",
        ),
    }
    return [edits[what]]


@pytest.mark.parametrize(
    "what",
    [
        "edited", "deleted", "first deleted", "inserted", "reading deleted", "reading copied",
        "words changed", "words deleted", "reason changed",
    ],
)  # fmt: skip
def test_what_a_burglar_did_is_named(read_room: RoomByHand, what: str) -> None:
    burglar = Burglar(read_room)
    for statement, fault in _edit(what):
        burglar.do("PRAGMA foreign_keys = OFF")
        burglar.do(statement)
        assert fault in str(check(read_room).fault)
    burglar.leave()


def test_swapped_lines_are_found(read_room: RoomByHand) -> None:
    burglar = Burglar(read_room)
    for before, after in ((5, -5), (6, 5), (-5, 6)):
        burglar.do("UPDATE trail SET seq = ? WHERE seq = ?", after, before)
    burglar.leave()
    assert check(read_room).fault == "line 5 does not follow the one before it"


def test_an_end_that_was_cut_off_only_a_kept_head_tells(read_room: RoomByHand) -> None:
    # The last two readings' lines go with their readings: what is left is a trail without fault.
    kept = head(read_room)
    burglar = Burglar(read_room)
    burglar.do("DELETE FROM trail WHERE seq > ?", kept.seq - 2)
    burglar.do("DELETE FROM reading WHERE seq > (SELECT max(seq) FROM reading) - 2")
    burglar.leave()
    assert check(read_room).fault is None
    fault = f"the trail ends at line {kept.seq - 2}, but line {kept.seq} was kept elsewhere"
    assert check(read_room, kept).fault == fault


def test_a_trail_that_was_written_anew_only_a_kept_head_tells(read_room: RoomByHand) -> None:
    kept = head(read_room)
    burglar = Burglar(read_room)
    rows = burglar.do("SELECT at, actor, action, subject, details FROM trail ORDER BY seq")
    burglar.do("DELETE FROM trail")
    burglar.leave()
    with read_room.room.database.write() as connection:
        for _, actor, action, subject, details in rows:
            append(connection, actor, action, subject, json.loads(details))
    assert check(read_room).fault is None
    assert f"line {kept.seq} is not the one" in str(check(read_room, kept).fault)


def test_an_erased_patient_leaves_the_trail_whole(read_room: RoomByHand) -> None:
    erased = erase_patient(read_room.room, "5" * 16, SYSTEM)
    assert erased is not None
    assert len(erased) == 2
    assert check(read_room).fault is None


def test_words_are_not_lost_by_calling_the_case_erased(read_room: RoomByHand) -> None:
    burglar = Burglar(read_room)
    burglar.do("UPDATE image_case SET state = 'erased'")
    burglar.do("DELETE FROM words")
    burglar.leave()
    assert check(read_room).fault == "the words of reading 1 are not as they were committed"


COLUMNS = {
    "trail": [one.name for one in tables.trail.columns],
    "reading": [one.name for one in tables.reading.columns if one.name != "seq"],
    "words": ["salt", "text", "hash"],
}
"""What stands for something; the number of a reading only orders it."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from([(table, name) for table, names in COLUMNS.items() for name in names]),
    row=st.integers(0, 10**6),
    other=st.one_of(st.text(max_size=20), st.integers(0, 9), st.just("0" * 64)),
)
def test_every_field_that_is_changed_is_found(
    read_room: RoomByHand, place: tuple[str, str], row: int, other: str | int
) -> None:
    table, column = place
    burglar = Burglar(read_room)
    burglar.do("BEGIN")
    ids = [one[0] for one in burglar.do(f"SELECT rowid FROM {table} ORDER BY rowid")]
    chosen = ids[row % len(ids)]
    before = burglar.do(f"SELECT {column} FROM {table} WHERE rowid = ?", chosen)
    value: object = json.dumps([other]) if column in {"details", "findings"} else other
    if column == "machine_was_shown":
        value = 1 - before[0][0]
    try:
        burglar.do(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", value, chosen)
    except sqlite3.IntegrityError:  # the number or hash of another row
        burglar.do("ROLLBACK")
        burglar.leave()
        return
    after = burglar.do(f"SELECT {column} FROM {table} WHERE rowid = ?", chosen) or None
    burglar.do("COMMIT")
    try:
        found = check(read_room).fault
        assert (found is None) == (after is not None and before == after)
    finally:
        if after is None:  # the number of a line is its place
            burglar.do(f"UPDATE {table} SET seq = ? WHERE seq = ?", chosen, value)
        else:
            burglar.do(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", before[0][0], chosen)
        burglar.leave()
    assert check(read_room).fault is None


def test_places_hold_no_word_of_a_reading_but_the_words(read_room: RoomByHand) -> None:
    burglar = Burglar(read_room)
    for table in ("trail", "reading", "remembered", "look"):
        rows = burglar.do(f"SELECT * FROM {table}")
        assert "Doe" not in json.dumps(rows)
    burglar.leave()
    assert Path(read_room.room.places.database).exists()
