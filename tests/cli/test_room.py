"""People of a room and its trail, from the command line, also while the room is served.

SPDX-License-Identifier: Apache-2.0
"""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Run

from cxrlens.serving.people import find_by_token
from cxrlens.serving.places import DATABASE_FILE
from cxrlens.serving.room import hold_room, open_room


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A room that is held, as by the process that serves it."""
    opened = open_room(tmp_path / "room")
    with hold_room(opened.places):
        yield tmp_path / "room"
    opened.database.close()


def whose(folder: Path, secret: str) -> tuple[str, str] | None:
    opened = open_room(folder)
    try:
        with opened.database.read() as connection:
            found = find_by_token(connection, secret)
        return None if found is None else (found.name, found.role)
    finally:
        opened.database.close()


def test_a_person_is_added_and_let_in(cxrlens: Run, folder: Path) -> None:
    added = cxrlens("room", "add-person", folder, "Anna Ö.", "--role", "lead")
    assert (added.code, added.out) == (0, "")
    made = cxrlens("room", "token", folder, "Anna Ö.", "--days", 1, "--label", "desk")
    assert made.code == 0
    assert whose(folder, made.out.strip()) == ("Anna Ö.", "lead")
    other = cxrlens("room", "token", folder, "Anna Ö.")
    assert other.out != made.out
    assert made.out.strip() not in made.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("room", "add-person", "ROOM", "Ben"), "there is a person named 'Ben' already"),
        (("room", "add-person", "ROOM", ""), "NAME '' is not one line"),
        (("room", "add-person", "ROOM", "x" * 65), "is not one line"),
        (("room", "add-person", "ROOM", "a\nb"), "is not one line"),
        (("room", "add-person", "ROOM", "Eve", "--role", "king"), "king"),
        (("room", "token", "ROOM", "Bem"), "there is nobody named 'Bem'"),
        (("room", "token", "ROOM", "Ben", "--days", "0"), "days"),
        (("room", "token", "NOWHERE", "Ben"), "is no reading room"),
        (("trail", "verify", "NOWHERE"), "is no reading room"),
        (("trail", "head", "NOWHERE"), "is no reading room"),
        (("trail", "verify", "ROOM", "--head", "12"), "--head '12' is none"),
        (("trail", "verify", "ROOM", "--head", "1:XY"), "is none"),
    ],
)
def test_wrong_use_is_one_sentence(
    cxrlens: Run, folder: Path, words: tuple[str, ...], told: str
) -> None:
    cxrlens("room", "add-person", folder, "Ben")
    places = {"ROOM": str(folder), "NOWHERE": str(folder.parent / "nowhere")}
    done = cxrlens(*(places.get(word, word) for word in words))
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err
    assert not (folder.parent / "nowhere").exists()


def test_the_first_suggestion_is_the_nearest_name(cxrlens: Run, folder: Path) -> None:
    assert "add them" in cxrlens("room", "token", folder, "Ben").err
    cxrlens("room", "add-person", folder, "Benedikt")
    assert "'Benedikt'" in cxrlens("room", "token", folder, "Benedikd").err


def test_a_whole_trail_is_verified(cxrlens: Run, folder: Path) -> None:
    cxrlens("room", "add-person", folder, "Ben")
    kept = cxrlens("trail", "head", folder)
    assert kept.code == 0
    cxrlens("room", "token", folder, "Ben")
    alone, against = (
        cxrlens("trail", "verify", folder),
        cxrlens("trail", "verify", folder, "--head", kept.out.strip()),
    )
    assert (alone.code, against.code) == (0, 0)
    assert alone.out.startswith("3 lines, none was changed; head 3:")
    assert "--head" in alone.err
    assert "--head" not in against.err


def break_in(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / DATABASE_FILE)
    for statement in ("DROP TRIGGER trail_update", "DROP TRIGGER trail_delete", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_changed_line_is_named(cxrlens: Run, folder: Path) -> None:
    cxrlens("room", "add-person", folder, "Ben")
    break_in(folder, "UPDATE trail SET actor = 'nobody' WHERE seq = 2")
    done = cxrlens("trail", "verify", folder)
    assert (done.code, done.out) == (4, "")
    assert "line 2 was changed" in done.err


def test_an_end_that_was_cut_off_needs_the_head(cxrlens: Run, folder: Path) -> None:
    cxrlens("room", "add-person", folder, "Ben")
    kept = cxrlens("trail", "head", folder).out.strip()
    break_in(folder, "DELETE FROM trail WHERE seq = 2")
    assert cxrlens("trail", "verify", folder).code == 0
    done = cxrlens("trail", "verify", folder, "--head", kept)
    assert done.code == 4
    assert "the trail ends at line 1, but line 2 was kept elsewhere" in done.err


def test_a_damaged_or_newer_room_is_one_sentence(cxrlens: Run, folder: Path) -> None:
    connection = sqlite3.connect(folder / DATABASE_FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    done = cxrlens("trail", "verify", folder)
    assert done.code == 2
    assert "is a room of version 99" in done.err
    other = folder.parent / "other"
    other.mkdir()
    (other / DATABASE_FILE).write_bytes(b"not a database" * 999)
    for words in (("trail", "head"), ("room", "add-person")):
        done = cxrlens(*words, other, *(["Ben"] if words[0] == "room" else []))
        assert done.code == 2
        assert "is damaged" in done.err
        assert len(done.err.strip().splitlines()) == 1


def test_no_network_is_loaded(folder: Path) -> None:
    code = (
        "import sys; sys.argv = ['cxrlens', *sys.argv[1:]]\n"
        "from cxrlens.cli.main import main\n"
        "try:\n    main()\n"
        "finally:\n    print([one for one in ('torch', 'timm', 'openvino') if one in sys.modules])"
    )
    for words in (("trail", "verify", folder), ("room", "add-person", folder, "Ben")):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "[]"


def test_the_room_is_of_this_user_alone(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
