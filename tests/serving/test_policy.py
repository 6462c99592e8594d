"""Levels only fall, and the machine is seen where the level allows it and nowhere else.

SPDX-License-Identifier: Apache-2.0

What may be seen is told a second time from the history of each case (`Told`), and both the pure
policy and the room with its database must agree with it after any order of events.
"""

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, get_args

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cxrlens.client.messages import Action, CaseLine, Reveal
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed, Policy, Standing, lower_case
from cxrlens.serving.readings import list_readings, read_standing
from cxrlens.serving.room import begin_serving, open_room
from cxrlens.serving.worklist import Query, find_next, list_cases
from cxrlens.vocabulary import LEVELS, Level

from .room_by_hand import RoomByHand

SET_BY_HAND: tuple[Level, ...] = ("human-only", "shadow", "assistance")
REVEALS: tuple[Reveal, ...] = get_args(Reveal)
ACTIONS: tuple[Action, ...] = get_args(Action)
READERS = (0, 1, 2)


@dataclass
class Told:
    """The history of a case, and what follows from it, told slowly."""

    arrived_at: Level
    levels_since: list[Level] = field(default_factory=list)
    firsts: set[int] = field(default_factory=set)
    commits: dict[int, int] = field(default_factory=dict)
    """Reader → how many changes of level came before."""

    was_open: bool = False
    """Whether the worklist showed everybody what the machine said, until the room changed."""

    def note_change(self, policy: Policy) -> None:
        """The room changes: what was within reach until now stays known."""
        level = next(one for one in LEVELS if one in {self.arrived_at, *self.levels_since})
        self.was_open |= level == "assistance" and not policy.asks_first

    def level(self, reader: int) -> Level:
        n_changes = self.commits.get(reader, len(self.levels_since))
        seen = [self.arrived_at, *self.levels_since[:n_changes]]
        return next(level for level in LEVELS if level in seen)

    def shows(self, reader: int, policy: Policy) -> bool:
        level, has_committed = self.level(reader), reader in self.commits
        allowed = {
            "human-only": False,
            "shadow": has_committed and policy.reveal == "after-commit",
            "assistance": has_committed or not self._must_first(reader, policy),
        }
        return allowed[level]

    def may(self, reader: int, policy: Policy, wanted: int) -> set[Action]:
        if reader in self.commits:
            return {"amend"}
        if len(self.commits) >= wanted:
            return set()
        must_first = self.level(reader) == "assistance" and self._must_first(reader, policy)
        return {"claim", "first-answer" if must_first else "commit"}

    def _must_first(self, reader: int, policy: Policy) -> bool:
        return policy.asks_first and reader not in self.firsts and not self.was_open

    def note(self, reader: int, action: Action) -> None:
        if action == "first-answer":
            self.firsts.add(reader)
        if action == "commit":
            self.commits[reader] = len(self.levels_since)


class World(RuleBasedStateMachine):
    """A room with several readers, in any order of events."""

    cases: dict[int, Told]

    @initialize(
        level=st.sampled_from(SET_BY_HAND),
        reveal=st.sampled_from(REVEALS),
        asks_first=st.booleans(),
        wanted=st.integers(1, 3),
    )
    def begin(self, level: Level, reveal: Reveal, asks_first: bool, wanted: int) -> None:
        self.cases = {}
        self.frozen: dict[tuple[int, int], object] = {}
        self.level = level
        self.policy = Policy(reveal, asks_first)
        self.wanted = wanted
        self.really_begin()

    @precondition(lambda self: len(self.cases) < 5)
    @rule()
    def arrive(self) -> None:
        number = len(self.cases)
        self.cases[number] = Told(self.level)
        self.really_arrive(number)

    @rule(level=st.sampled_from(SET_BY_HAND))
    def set_level(self, level: Level) -> None:
        self.level = level
        for one in self.cases.values():
            one.note_change(self.policy)
            one.levels_since.append(level)
        self.really_set_level(level)

    @rule(reveal=st.sampled_from(REVEALS), asks_first=st.booleans(), wanted=st.integers(1, 3))
    def set_up(self, reveal: Reveal, asks_first: bool, wanted: int) -> None:
        for one in self.cases.values():
            one.note_change(self.policy)
        self.policy = Policy(reveal, asks_first)
        self.wanted = wanted
        self.really_set_up()

    @precondition(lambda self: self.cases)
    @rule(
        which=st.integers(0, 4),
        reader=st.sampled_from(READERS),
        action=st.sampled_from([*ACTIONS, "commit", "first-answer"]),
    )
    def act(self, which: int, reader: int, action: Action) -> None:
        number = which % len(self.cases)
        told = self.cases[number]
        if action in told.may(reader, self.policy, self.wanted):
            self.really_act(number, reader, action)
            told.note(reader, action)
        else:
            with pytest.raises(NotAllowed):
                self.really_act(number, reader, action)
        self.note_frozen(number)

    @invariant()
    def agrees(self) -> None:
        for number, told in self.cases.items():
            for reader in READERS:
                found = self.really_stand(number, reader)
                assert found.level == told.level(reader)
                assert found.is_committed == (reader in told.commits)
                assert set(self.policy.list_actions(found)) == told.may(
                    reader, self.policy, self.wanted
                )
                shown = told.shows(reader, self.policy)
                assert self.policy.shows_machine(found) == shown
                if found.level == "human-only":
                    assert not shown
                if found.level == "shadow" and not found.is_committed:
                    assert not shown
                if found.level == "shadow" and self.policy.reveal == "never":
                    assert not shown
                if not found.is_committed:  # it never stands above the room, nor above its arrival
                    assert LEVELS.index(found.level) <= LEVELS.index(told.arrived_at)
                    assert LEVELS.index(found.level) <= LEVELS.index(self.level)

    def really_begin(self) -> None: ...
    def really_arrive(self, number: int) -> None: ...
    def really_set_level(self, level: Level) -> None: ...
    def really_set_up(self) -> None: ...
    def really_act(self, number: int, reader: int, action: Action) -> None: ...
    def note_frozen(self, number: int) -> None: ...

    def really_stand(self, number: int, reader: int) -> Standing:
        raise NotImplementedError


class PureWorld(World):
    """The policy alone."""

    def really_begin(self) -> None:
        self.standings: dict[tuple[int, int], Standing] = {}

    def really_arrive(self, number: int) -> None:
        self.standings |= {(number, reader): Standing(self.level) for reader in READERS}

    def really_set_level(self, level: Level) -> None:
        before = dict(self.standings)
        self.standings = {key: lower_case(one, level) for key, one in before.items()}
        for key, one in self.standings.items():
            assert LEVELS.index(one.level) <= LEVELS.index(before[key].level)

    def really_act(self, number: int, reader: int, action: Action) -> None:
        found = self.really_stand(number, reader)
        self.standings[number, reader] = replace(self.policy.advance(found, action), is_full=False)

    def really_stand(self, number: int, reader: int) -> Standing:
        n_read = sum(self.standings[number, one].is_committed for one in READERS)
        return replace(
            self.standings[number, reader],
            is_full=n_read >= self.wanted,
            has_seen=self.cases[number].was_open,
        )


class StoredWorld(World):
    """The room with its database."""

    folder: ClassVar[Path]

    def really_begin(self) -> None:
        place = Path(tempfile.mkdtemp(dir=self.folder))
        self.hand = RoomByHand(open_room(place / "room"))
        begin_serving(self.hand.room, "b" * 64)
        self.people = [self.hand.add_person(f"reader {reader}") for reader in READERS]
        self.ids: dict[int, str] = {}
        self.hand.set_level(self.level)
        self.really_set_up()

    def teardown(self) -> None:
        if hasattr(self, "hand"):
            self.hand.close()

    def really_arrive(self, number: int) -> None:
        self.ids[number] = self.hand.add_case(self.people[0])
        if self.level != "human-only":
            # The later, the more urgent: the machine's order is never that of arrival.
            self.hand.add_answer(self.ids[number], priority=0.1 + 0.1 * number)

    def really_set_level(self, level: Level) -> None:
        self.hand.set_level(level)

    def really_set_up(self) -> None:
        self.hand.set_up(
            reveal=self.policy.reveal, asks_first=self.policy.asks_first, readers=self.wanted
        )

    def really_act(self, number: int, reader: int, action: Action) -> None:
        if action == "claim":
            found = self.really_stand(number, reader)
            self.policy.advance(found, "claim")
        else:
            reason = "looked again" if action == "amend" else None
            self.hand.say(self.people[reader], self.ids[number], action, reason=reason)

    def note_frozen(self, number: int) -> None:
        with self.hand.room.database.read() as connection:
            for one in list_readings(connection, self.ids[number]):
                key = (number, one.person, one.kind, one.at)
                assert self.frozen.setdefault(key, one) == one
            n_readings = len(list_readings(connection, self.ids[number]))
        assert n_readings == sum(key[0] == number for key in self.frozen)

    def really_stand(self, number: int, reader: int) -> Standing:
        with self.hand.room.database.read() as connection:
            return read_standing(
                connection, self.hand.state(), self.people[reader], self.ids[number]
            )

    @invariant()
    def every_view_agrees(self) -> None:
        for reader, person in enumerate(self.people):
            for number, told in self.cases.items():
                shown = told.shows(reader, self.policy)
                view = self.hand.view(person, self.ids[number])
                assert (view.machine is not None) == shown  # one that shows was answered
                assert set(view.may) == told.may(reader, self.policy, self.wanted)
                self.check_line(view.line, number, reader)
            self.check_worklist(reader, person)

    def check_line(self, line: CaseLine, number: int, reader: int) -> None:
        told = self.cases[number]
        shown = told.shows(reader, self.policy)
        assert line.level == told.level(reader)
        assert (line.decision is not None) == (line.priority is not None) == shown
        assert line.is_read == (len(told.commits) >= self.wanted)

    def check_worklist(self, reader: int, person: SignedIn) -> None:
        state = self.hand.state()
        with self.hand.room.database.read() as connection:
            found = list_cases(connection, state, person, Query())
            first = find_next(connection, state, person)
        is_open = {
            number: reader not in told.commits and len(told.commits) < self.wanted
            for number, told in self.cases.items()
        }
        by_machine = self.level == "assistance" and not self.policy.asks_first

        def place(number: int) -> tuple[float, int]:
            is_seen = by_machine and self.cases[number].level(reader) == "assistance"
            return (-(0.1 + 0.1 * number) if is_seen else 0.0, number)

        expected = sorted((number for number in self.cases if is_open[number]), key=place)
        assert [line.id for line in found.cases] == [self.ids[number] for number in expected]
        assert first == (self.ids[expected[0]] if expected else None)
        assert found.order == ("priority" if by_machine else "arrival")
        assert (found.n_open, found.n_refused, found.n_waiting) == (len(expected), 0, 0)
        for line in found.cases:
            number = next(key for key, value in self.ids.items() if value == line.id)
            self.check_line(line, number, reader)


def _run(machine: type[World], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.generate],  # a room takes too long to look for the shortest history
        ),
    )


def test_policy_agrees_with_the_history_of_each_case() -> None:
    _run(PureWorld, 100, 40)


def test_room_agrees_with_the_history_of_each_case(tmp_path: Path) -> None:
    StoredWorld.folder = tmp_path
    _run(StoredWorld, 6, 20)


@pytest.mark.slow
def test_room_agrees_with_many_histories(tmp_path: Path) -> None:
    StoredWorld.folder = tmp_path
    _run(StoredWorld, 25, 30)


@pytest.mark.parametrize(
    ("standing", "action", "reason"),
    [
        (Standing("assistance", is_readable=False), "commit", "not-readable"),
        (Standing("assistance", is_committed=True), "commit", "already-committed"),
        (Standing("assistance", is_committed=True), "claim", "already-committed"),
        (Standing("assistance", is_full=True), "claim", "already-read"),
        (Standing("assistance"), "amend", "not-committed"),
        (Standing("assistance"), "commit", "first-answer-missing"),
        (Standing("assistance", has_first=True), "first-answer", "already-answered"),
        (Standing("shadow"), "first-answer", "first-answer-not-asked"),
    ],
)
def test_refusal_says_why(standing: Standing, action: Action, reason: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        Policy(asks_first=True).advance(standing, action)
    assert refused.value.reason == reason


def test_model_runs_at_every_level_but_human_only() -> None:
    policy = Policy()
    assert [level for level in LEVELS if not policy.runs_model(level)] == ["human-only"]
    assert not policy.shows_machine(Standing("human-only", is_committed=True))
