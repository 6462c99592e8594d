"""A room is opened, held by one process, and taken up again where it was left.

SPDX-License-Identifier: Apache-2.0
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from cxrlens.serving import tables
from cxrlens.serving.jobs import CHECKS, enqueue, take
from cxrlens.serving.readings import list_readings, open_case
from cxrlens.serving.room import begin_serving, hold_room, join_room, open_room, read_state
from cxrlens.serving.verifying import verify
from cxrlens.serving.worklist import claim_case
from cxrlens.vocabulary import InputError, OutputError

from .room_by_hand import RoomByHand


def test_a_new_room_is_human_only_and_its_users_alone(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir(mode=0o755)
    opened = open_room(tmp_path / "room", "Ward 3", "live")
    with opened.database.read() as connection:
        state = read_state(connection)
    opened.database.close()
    assert (state.name, state.purpose, state.level) == ("Ward 3", "live", "human-only")
    assert (tmp_path / "room").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "room" / "incoming").stat().st_mode & 0o777 == 0o700


def test_a_room_that_is_there_keeps_its_name(tmp_path: Path) -> None:
    open_room(tmp_path / "room", "Ward 3").database.close()
    opened = open_room(tmp_path / "room", "Other")
    with opened.database.read() as connection:
        assert read_state(connection).name == "Ward 3"
    opened.database.close()


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(InputError, match="holds files, but no reading room"):
        open_room(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["letter.txt"]


def test_a_room_whose_making_was_cut_short_is_made(tmp_path: Path) -> None:
    (tmp_path / "room" / "incoming").mkdir(parents=True)
    (tmp_path / "room" / "room.lock").write_text("1")
    open_room(tmp_path / "room").database.close()


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "room").write_text("x")
    with pytest.raises((InputError, OutputError), match="room"):
        open_room(tmp_path / "room" / "inner")


def test_a_second_process_may_not_serve_it(tmp_path: Path) -> None:
    opened = open_room(tmp_path / "room")
    code = (
        "import sys; from pathlib import Path\n"
        "from cxrlens.serving.room import hold_room, join_room\n"
        "with hold_room(join_room(Path(sys.argv[1])).places):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "room")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"by process {holder.pid}"), hold_room(opened.places):
        pass
    holder.kill()  # which gives it free
    holder.communicate()
    with hold_room(opened.places):
        pass
    opened.database.close()


def test_what_an_earlier_process_left_is_taken_up(hand: RoomByHand) -> None:
    reader = hand.add_person("Reader")
    one = hand.add_case(reader, state="received")
    two = hand.add_case(reader)
    (hand.room.places.incoming / "half").write_bytes(b"x")
    with hand.room.database.write() as connection:
        enqueue(connection, "check", one)
        take(connection, CHECKS, 1)
        claim_case(connection, read_state(connection), reader, two)
    begin_serving(hand.room, "b" * 64)
    assert list(hand.room.places.incoming.iterdir()) == []
    assert hand.count(tables.claim) == 0
    with hand.room.database.write() as connection:
        assert [job.attempts for job in take(connection, CHECKS, 1)] == [2]
        assert verify(connection).fault is None


def test_each_opening_notes_the_head(hand: RoomByHand) -> None:
    begin_serving(hand.room, "b" * 64)
    lines = hand.room.places.heads.read_text().splitlines()
    assert len(lines) == 2
    _, seq, head = lines[1].split(" ")
    with hand.room.database.read() as connection:
        known = dict(
            map(tuple, connection.execute(select(tables.trail.c.seq, tables.trail.c.hash)))
        )
    assert known[int(seq)] == head


def test_reading_times_outlive_a_restart_of_the_machine(hand: RoomByHand) -> None:
    reader = hand.add_person("Reader")
    one = hand.add_case(reader)
    with hand.room.database.write() as connection:
        open_case(connection, reader, one, shows=False)
        connection.execute(update(tables.look).values(opened=10.0**9))  # it ran for long before
    time.sleep(0.2)
    begin_serving(hand.room, "b" * 64)
    hand.say(reader, one, "commit")
    with hand.room.database.read() as connection:
        (told,) = list_readings(connection, one)
    assert 0.15 < told.seconds < 30


def test_another_model_answers_for_what_waits_and_may_be_seen(hand: RoomByHand) -> None:
    reader = hand.add_person("Reader")
    read, waits = hand.add_case(reader), hand.add_case(reader)
    refused = hand.add_case(reader, state="refused")
    alone = hand.add_case(reader, level="human-only")
    hand.add_answer(waits)
    hand.say(reader, read, "commit")
    begin_serving(hand.room, "c" * 64)
    with hand.room.database.read() as connection:
        asked = connection.execute(select(tables.job.c.case_id, tables.job.c.order)).all()
    assert list(map(tuple, asked)) == [(waits, "c" * 64)]
    assert hand.view(reader, waits).machine is None  # what another model said is not shown
    assert hand.view(reader, waits).machine_note == "pending"
    assert {refused, alone}.isdisjoint(one for one, _ in asked)
    begin_serving(hand.room, "b" * 64)
    machine = hand.view(reader, waits).machine
    assert machine is not None
    assert machine.bundle == "b" * 64


def test_a_case_that_was_read_falls_too_since_it_may_be_read_again(hand: RoomByHand) -> None:
    readers = [hand.add_person("A"), hand.add_person("B")]
    one = hand.add_case(readers[0])
    hand.add_answer(one)
    hand.say(readers[0], one, "commit")
    hand.set_level("human-only")
    hand.set_up(readers=2)
    assert hand.view(readers[1], one).machine is None
    assert hand.view(readers[0], one).line.level == "assistance"


def test_what_could_be_seen_counts_as_shown(hand: RoomByHand) -> None:
    reader = hand.add_person("Reader")
    answered, unanswered = hand.add_case(reader), hand.add_case(reader)
    hand.add_answer(answered)
    told = []
    for one in (answered, unanswered):
        hand.say(reader, one, "commit")  # never opened: the worklist alone showed the decision
        told += [reading.machine_was_shown for reading in hand.view(reader, one).readings]
    assert told == [True, False]


def test_nothing_is_joined_where_no_room_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no reading room"):
        join_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
