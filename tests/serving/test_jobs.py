"""Each job is done once, whoever dies, and one that kills its worker keeps no other waiting.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import insert, select, update

from cxrlens.serving import tables, working
from cxrlens.serving.database import OutOfSpace
from cxrlens.serving.jobs import (
    ANSWERS,
    CHECKS,
    MOST_ATTEMPTS,
    Job,
    ask_new_model,
    count_waiting,
    enqueue,
    finish,
    give_back,
    has_overdue,
    has_waiting,
    is_held,
    release,
    take,
)
from cxrlens.serving.people import SignedIn
from cxrlens.serving.room import open_room
from cxrlens.serving.working import work

from .room_by_hand import RoomByHand


class Queue:
    """A room with cases that wait for their check."""

    def __init__(self, hand: RoomByHand, cases: int) -> None:
        self.hand = hand
        sender = hand.add_person("Sender")
        self.ids = [hand.add_case(sender, state="received") for _ in range(cases)]
        with hand.room.database.write() as connection:
            for one in self.ids:
                enqueue(connection, "check", one)

    def take(self, most: int = 4) -> list[Job]:
        with self.hand.room.database.write() as connection:
            return take(connection, CHECKS, most)

    def end(self, one: Job) -> bool:
        with self.hand.room.database.write() as connection:
            if not is_held(connection, one):
                return False
            finish(connection, one)
            return True

    def let_leases_run_out(self) -> None:
        with self.hand.room.database.write() as connection:
            connection.execute(
                update(tables.job).where(tables.job.c.state == "running").values(lease_until=0.0)
            )

    def names(self, jobs: Sequence[Job]) -> list[int]:
        return [self.ids.index(one.case_id) for one in jobs]


@pytest.fixture
def queue(hand: RoomByHand) -> Queue:
    return Queue(hand, 6)


def test_the_oldest_go_first_and_nobody_gets_what_another_holds(queue: Queue) -> None:
    assert queue.names(queue.take()) == [0, 1, 2, 3]
    assert queue.names(queue.take()) == [4, 5]
    assert queue.take() == []


def test_the_same_job_is_not_added_twice(queue: Queue) -> None:
    (one,) = queue.take(1)
    queue.end(one)
    with queue.hand.room.database.write() as connection:
        enqueue(connection, "check", one.case_id)
        enqueue(connection, "explain", one.case_id, "lime/covid")
        assert count_waiting(connection, CHECKS) == 5
        assert count_waiting(connection, ["explain"]) == 1
        assert has_waiting(connection, ["explain"])
        assert not has_waiting(connection, ["predict"])


def test_answers_go_before_maps(queue: Queue) -> None:
    with queue.hand.room.database.write() as connection:
        enqueue(connection, "explain", queue.ids[0], "lime/covid")
        enqueue(connection, "predict", queue.ids[1], "b" * 64)
        assert [one.kind for one in take(connection, ANSWERS, 4)] == ["predict"]
        assert [one.kind for one in take(connection, ANSWERS, 4)] == ["explain"]


def test_a_lease_that_ran_out_is_taken_over_and_the_late_result_is_not_stored(
    queue: Queue,
) -> None:
    late = queue.take()
    with queue.hand.room.database.read() as connection:
        assert not has_overdue(connection, CHECKS)
    queue.let_leases_run_out()
    with queue.hand.room.database.read() as connection:
        assert has_overdue(connection, CHECKS)
        assert has_waiting(connection, CHECKS)
    again = queue.take(10)
    assert queue.names(again) == [0]  # what was begun before comes alone
    assert not queue.end(late[0])
    assert queue.end(again[0])
    assert not queue.end(again[0])


def test_what_ends_its_worker_is_alone_and_then_last(queue: Queue) -> None:
    def die() -> None:
        with queue.hand.room.database.write() as connection:
            release(connection, CHECKS)

    queue.take()
    die()  # one of the first four is poison: nobody knows which
    ended = []
    for _ in range(100):
        taken = queue.take()
        if not taken:
            break
        numbers = queue.names(taken)
        if 1 not in numbers or taken[0].attempts > MOST_ATTEMPTS:
            ended += numbers
            assert all(queue.end(one) for one in taken)
        else:
            assert numbers == [1]
            die()
    assert ended == [0, 2, 3, 4, 5, 1]
    assert taken == []


def test_what_was_no_fault_of_the_job_does_not_count(queue: Queue) -> None:
    for _ in range(3 * MOST_ATTEMPTS):
        taken = queue.take()
        assert [one.attempts for one in taken] == [1] * 4
        with queue.hand.room.database.write() as connection:
            give_back(connection, taken)
            give_back(connection, taken)  # not held any more
    queue.take()
    with queue.hand.room.database.write() as connection:
        release(connection, CHECKS, is_fault=False)
        assert set(connection.execute(select(tables.job.c.attempts)).scalars()) == {0}


def test_another_model_is_asked_for_what_waits(queue: Queue) -> None:
    old, new = "b" * 64, "c" * 64
    with queue.hand.room.database.write() as connection:
        for number, state in enumerate(("queued", "running", "done")):
            connection.execute(
                insert(tables.job).values(
                    kind="predict", case_id=queue.ids[number], order=old, state=state
                )
            )
        enqueue(connection, "explain", queue.ids[0], "lime/covid")
        ask_new_model(connection, new, queue.ids[:3])
        rows = connection.execute(
            select(tables.job.c.order, tables.job.c.state).where(tables.job.c.kind != "check")
        )
        assert sorted(map(tuple, rows)) == [(old, "done"), *[(new, "queued")] * 3]


def test_a_full_disk_is_no_fault_of_the_job(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_PAUSE_AFTER_FAULT", 0.0)
    tries = []

    def do(jobs: Sequence[Job]) -> None:
        tries.append([one.attempts for one in jobs])
        if len(tries) <= 2 * MOST_ATTEMPTS:
            raise OutOfSpace("full")
        assert all(queue.end(one) for one in jobs)

    def is_over() -> bool:
        with queue.hand.room.database.read() as connection:
            return count_waiting(connection, CHECKS) == 0

    work(queue.hand.room, CHECKS, do, is_over)
    assert tries == [[1] * 4] * (2 * MOST_ATTEMPTS + 1) + [[1] * 2]


class Workers(RuleBasedStateMachine):
    """Workers that take jobs, end them, hang and die, in any order."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        number = len(list(self.folder.iterdir()))
        self.hand = RoomByHand(open_room(self.folder / f"room{number}"))
        self.queue = Queue(self.hand, 5)
        self.holding: list[Job] = []
        self.ended: list[int] = []

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        self.holding += self.queue.take(most)

    @rule(which=st.integers(0, 20))
    def end(self, which: int) -> None:
        if self.holding:
            one = self.holding.pop(which % len(self.holding))
            if self.queue.end(one):
                self.ended.append(one.id)

    @rule()
    def hang(self) -> None:
        self.queue.let_leases_run_out()

    @rule(is_fault=st.booleans())
    def die(self, is_fault: bool) -> None:
        if not is_fault:
            self.holding.clear()  # the process is surely gone
        with self.hand.room.database.write() as connection:
            release(connection, CHECKS, is_fault=is_fault)

    @invariant()
    def nothing_is_done_twice_or_lost(self) -> None:
        assert len(set(self.ended)) == len(self.ended)
        with self.hand.room.database.read() as connection:
            assert count_waiting(connection, CHECKS) == 5 - len(self.ended)

    def teardown(self) -> None:
        self.hand.close()


def test_each_job_ends_once_whoever_dies(tmp_path: Path) -> None:
    Workers.folder = tmp_path
    run_state_machine_as_test(
        Workers, settings=settings(max_examples=6, stateful_step_count=20, deadline=None)
    )


def test_a_reader_is_told_of_jobs_by_id(hand: RoomByHand) -> None:
    sender: SignedIn = hand.add_person("Sender")
    with pytest.raises(Exception, match="FOREIGN KEY"), hand.room.database.write() as connection:
        enqueue(connection, "check", "0" * 32)
    assert hand.view(sender, hand.add_case(sender)).machine_note == "not asked"
