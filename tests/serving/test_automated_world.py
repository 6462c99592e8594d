"""Nothing decides without evidence, after any order of events.

SPDX-License-Identifier: Apache-2.0

A real room is driven by random histories, and what the machine did is held against a second,
slowly written account of what it may do (`World`), which knows of the events and of what each
certificate said when it was made, and asks the room for nothing else.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, ClassVar

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
from sqlalchemy import insert, select

from cxrlens.client.automation import GateSettings
from cxrlens.client.messages import CaseLine, Purpose, RoomSettings, Side
from cxrlens.serving import tables
from cxrlens.serving.certificates import list_held, void_certificate
from cxrlens.serving.deciding import decide, recall_by_certificate, recall_case
from cxrlens.serving.drift_watch import watch
from cxrlens.serving.patients import erase_patient
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.promises import withdraw_promise
from cxrlens.serving.room import begin_serving, set_level, set_settings
from cxrlens.serving.standing import fall, review
from cxrlens.serving.verifying import verify
from cxrlens.serving.worklist import Query, list_cases
from cxrlens.vocabulary import LEVELS, Level

from .automated_room import (
    BUNDLE,
    FINDING,
    LOW_GATES,
    PREPARATION,
    make_automated_room,
)

SCORES = (0.0, 0.01, 0.01, 0.02, 0.05, 0.2, 0.5, 0.9, 0.99, 0.99, 1.0)
DISTANCES = (*[0.5] * 9, 0.01, 0.005, None)
WARNINGS = (*[()] * 9, ("cropped",), ("view-unknown",), ("patient-name-differs", "cropped"))
REASONS = {"cropped": "quality", "view-unknown": "view", "patient-name-differs": "policy"}
AUTOMATED = {"partial", "full"}
IMAGES = st.tuples(
    st.sampled_from(SCORES), st.sampled_from(DISTANCES), st.sampled_from(WARNINGS),
    st.integers(0, 3), st.sampled_from((99, 99, 5, 4, 0)), st.sampled_from((False, False, True)),
)  # fmt: skip
"""Score, distance, warnings, patient, lot, and whether the answer is late."""

MORE_IMAGES = st.lists(IMAGES, min_size=1, max_size=3)
Image = tuple[float, float | None, tuple[str, ...], int, int, bool]

WHICH = st.integers(0, 10**6)
MOST_CASES = 12


class Clock(datetime):
    """Tells a time that tests move."""

    passed: ClassVar[timedelta] = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return super().now(tz) + cls.passed


@dataclass
class Known:
    """A certificate as it was made, and whether an event of the history ended it."""

    side: Side
    threshold: float
    bundle: str
    preparation: str
    expires: datetime
    is_ended: bool = False
    waits: bool = True
    """Until the level is set the next time."""

    def holds(self, world: "World") -> bool:
        same = (self.bundle, self.preparation) == (world.bundle, world.preparation)
        return same and datetime.now(UTC) + Clock.passed < self.expires and not self.is_ended


@dataclass
class Told:
    """The history of a case."""

    id: str
    score: float
    distance: float | None
    warnings: tuple[str, ...]
    patient: str
    level: Level
    """The lowest of the room's since it came."""

    is_answered_by: tuple[str, str] | None = None
    firsts: set[str] = field(default_factory=set)
    finals: set[str] = field(default_factory=set)
    is_seen: bool = False
    """Whether everybody could see what the machine said."""

    kind: str | None = None
    is_drawn: bool = False
    is_recalled: bool = False
    is_erased: bool = False

    @property
    def is_closed(self) -> bool:
        return self.kind == "decided" and not self.is_drawn and not self.is_recalled


class World(RuleBasedStateMachine):
    """A room whose machine may come to decide, in any order of events."""

    prepared: ClassVar[dict[Purpose, Path]]
    folder: ClassVar[Path]
    patch: ClassVar[pytest.MonkeyPatch]

    @initialize(
        purpose=st.sampled_from(("retrospective", "retrospective", "live")),
        level=st.sampled_from(("partial", "full", "partial", "shadow")),
        protocol=st.sampled_from((None, "EC-1")),
        images=MORE_IMAGES,
    )
    def begin(
        self, purpose: Purpose, level: Level, protocol: str | None, images: list[Image]
    ) -> None:
        Clock.passed = timedelta(0)
        self.place = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copytree(self.prepared[purpose], self.place / "room")
        self.room = make_automated_room(self.place, purpose)
        self.room.n_patients = 1000
        self.other = self.room.hand.add_person("Other")
        self.purpose = purpose
        self.bundle, self.preparation = BUNDLE, PREPARATION
        self.approval: str | None = None
        self.settings = RoomSettings(reveal="after-commit", asks_first=False, readers_per_case=1)
        self.cases: list[Told] = []
        self.certificates: dict[str, Known] = {}
        self.promises: list[str] = []
        self.is_reviewed = False
        self.has_drifted = False
        self.note_certificates()
        self.level: Level = "shadow"
        self.set_level(level, protocol, images)

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        with self.room.hand.room.database.read() as connection:
            assert verify(connection).fault is None  # after any history
        self.room.hand.close()
        shutil.rmtree(self.place)

    # What happens.

    @rule(images=MORE_IMAGES)
    def arrive(self, images: list[Image]) -> None:
        for one in images[: max(0, MOST_CASES - len(self.cases))]:
            self.take_in(*one)

    def take_in(
        self, score: float, distance: float | None, warnings: tuple[str, ...], patient: int,
        lot: int, is_late: bool,
    ) -> None:  # fmt: skip
        pseudonym = f"{7000 + patient:016x}"
        with self.room.hand.room.database.write() as connection:
            if not connection.execute(
                select(tables.patient).where(tables.patient.c.pseudonym == pseudonym)
            ).first():
                connection.execute(
                    insert(tables.patient).values(
                        pseudonym=pseudonym, patient_id=f"P{patient}", name=""
                    )
                )
        made = self.room.hand.add_case(
            self.room.reader, pseudonym=pseudonym, digest=f"{len(self.cases):064x}",
            warnings=[{"reason": one, "message": f"it is {one}"} for one in warnings],
        )  # fmt: skip
        told = Told(made, score, distance, warnings, pseudonym, self.level)
        self.cases.append(told)
        if not is_late:
            self.answer(told, lot)

    @rule(which=WHICH, lot=st.sampled_from((0, 99)))
    def answer_late(self, which: int, lot: int) -> None:
        if waiting := [one for one in self.cases if one.is_answered_by is None]:
            self.answer(waiting[which % len(waiting)], lot)

    def answer(self, told: Told, lot: int) -> None:
        if told.level == "human-only" or told.is_erased:
            return
        self.room.answer(told.id, told.score, told.distance)
        told.is_answered_by = (self.bundle, self.preparation)
        if told.level == "assistance" and not self.settings.asks_first:
            told.is_seen = True
        watch(self.room.hand.room)
        self.patch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: lot)
        with self.room.hand.room.database.write() as connection:
            decide(connection, told.id)
        self.note_fall()
        self.judge_decision(told, lot)

    @precondition(lambda self: self.cases)
    @rule(
        which=WHICH, who=st.booleans(), present=st.booleans(),
        action=st.sampled_from(("first-answer", "first-answer", "commit", "commit", "amend")),
    )  # fmt: skip
    def read(self, which: int, who: bool, present: bool, action: str) -> None:
        told = self.cases[which % len(self.cases)]
        reader = self.other if who else self.room.reader
        may = self.list_may(told, reader)
        name = FINDING if present else "normal"

        def say() -> None:
            reason = "looked again" if action == "amend" else None
            self.room.hand.say(reader, told.id, action, name, reason=reason)  # type: ignore[arg-type]

        if action not in may:
            with pytest.raises(NotAllowed):
                say()
            return
        say()
        if action == "first-answer":
            told.firsts.add(reader.id)
        if action == "commit":
            told.finals.add(reader.id)
        self.look()

    @precondition(lambda self: self.cases)
    @rule(which=WHICH, present=st.booleans())
    def tell_truth(self, which: int, present: bool) -> None:
        self.room.tell_truth(self.cases[which % len(self.cases)].id, present)
        self.note_fall()
        self.is_reviewed = True

    @rule(side=st.sampled_from(("negative", "positive")))
    def promise(self, side: Side) -> None:
        self.try_it(lambda: self.promises.append(self.room.promise(1, 0.96, side)))

    @precondition(lambda self: self.promises)
    @rule(which=WHICH, is_tested=st.booleans())
    def end_promise(self, which: int, is_tested: bool) -> None:
        key = self.promises[which % len(self.promises)]

        def end() -> None:
            if is_tested:
                self.room.test(key)
                return
            with self.room.hand.room.database.write() as connection:
                withdraw_promise(connection, key, "no use", self.room.lead)

        self.try_it(end)
        self.note_certificates()

    @rule(
        event=st.sampled_from(("date", "void", "stop", "brighten", "erase")),
        which=WHICH,
        images=MORE_IMAGES,
    )
    def end_it(self, event: str, which: int, images: list[Image]) -> None:
        """Something takes the evidence, or the level, away; and work goes on."""
        self.take_away(event, which)
        self.arrive(images)

    def take_away(self, event: str, which: int) -> None:
        if event == "void":
            self.void(which)
        elif event == "stop":
            self.stop()
        elif event == "date":
            self.pass_time(400)
        elif event == "erase":
            self.erase(which % 4)
        elif self.level in AUTOMATED and not self.has_drifted:
            self.brighten()

    def void(self, which: int) -> None:
        with self.room.hand.room.database.write() as connection:
            held = list_held(connection)
            one = held[which % len(held)]
            void_certificate(connection, one, "by hand", self.room.lead.id)
            fall(connection, ["by hand"])
        self.certificates[one.id].is_ended = True
        self.note_fall()

    @rule(
        level=st.sampled_from((*LEVELS, *["partial", "full"] * 4)),
        protocol=st.sampled_from((None, "EC-2")),
        images=MORE_IMAGES,
    )
    def set_level(self, level: Level, protocol: str | None, images: list[Image]) -> None:
        self.try_level(level, protocol)
        self.arrive(images)

    def try_level(self, level: Level, protocol: str | None) -> None:
        if LEVELS.index(level) > LEVELS.index(self.level):
            if not self.try_it(lambda: self.room.raise_to(level, protocol)):
                assert level in AUTOMATED  # nothing is asked for below
                self.note_fall()
                return
        else:
            with self.room.hand.room.database.write() as connection:
                set_level(connection, level, "wanted", self.room.lead.id, protocol)
        is_raised = LEVELS.index(level) > LEVELS.index(self.level)
        self.note_level(level, protocol)
        assert not is_raised or level not in AUTOMATED or self.carries(level)

    def stop(self) -> None:
        with self.room.hand.room.database.write() as connection:
            set_level(connection, "human-only", "stopped by hand", self.room.reader.id)
        self.note_level("human-only", None)

    @rule(
        percent=st.sampled_from((1, 5, 100)), readers=st.integers(1, 2),
        asks_first=st.booleans(), images=MORE_IMAGES,
    )  # fmt: skip
    def change_settings(
        self, percent: int, readers: int, asks_first: bool, images: list[Image]
    ) -> None:
        self.note_reach()
        self.settings = RoomSettings(
            reveal="after-commit", asks_first=asks_first, readers_per_case=readers,
            spot_check_percent=percent,
        )  # fmt: skip
        with self.room.hand.room.database.write() as connection:
            set_settings(connection, self.settings, self.room.lead.id)
        self.note_reach()
        self.arrive(images)

    @rule(is_low=st.booleans())
    def set_gates(self, is_low: bool) -> None:
        wanted = LOW_GATES if is_low else GateSettings()
        assert self.try_it(lambda: self.room.set_gates(wanted)) == (self.level not in AUTOMATED)

    @rule(
        bundle=st.sampled_from((BUNDLE, BUNDLE, "d" * 64)),
        is_cut_short=st.booleans(),
        images=MORE_IMAGES,
    )
    def restart(self, bundle: str, is_cut_short: bool, images: list[Image]) -> None:
        self.begin_anew(bundle, is_cut_short)
        self.arrive(images)

    def begin_anew(self, bundle: str, is_cut_short: bool) -> None:
        self.note_reach()
        begin_serving(self.room.hand.room, bundle)
        with self.room.hand.room.database.write() as connection:
            # Here answers come by hand, and nobody takes these orders.
            connection.execute(tables.job.update().values(state="failed"))
        for one in self.cases:
            if self.bundle != bundle:
                one.is_answered_by = None
        self.bundle = bundle
        self.is_reviewed = False
        if not is_cut_short:  # the process with the model starts, too
            self.room.note_preparation(self.preparation)
            self.note_fall()
        # One model answers once. The first one's answers stay where it comes back.
        for one in self.cases:
            if self.has_answer(one):
                one.is_answered_by = (self.bundle, self.preparation)
        self.note_reach()

    @rule(preparation=st.sampled_from((PREPARATION, PREPARATION, "e" * 64)))
    def prepare_otherwise(self, preparation: str) -> None:
        self.preparation = preparation
        self.room.note_preparation(preparation)
        self.note_fall()

    @rule(days=st.integers(1, 3))
    def pass_time(self, days: int) -> None:
        Clock.passed += timedelta(days=days)
        self.is_reviewed = False

    def brighten(self) -> None:
        """Twenty images of another scanner."""
        self.has_drifted = True
        self.patch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 99)
        made = [self.room.add(0.5, brightness=0.95) for _ in range(20)]
        self.note_fall()
        assert self.level == "assistance"
        assert self.room.decision(made[-1]) is None
        with self.room.hand.room.database.write() as connection:  # they are no part of the rest
            connection.execute(
                tables.case.update().where(tables.case.c.id.in_(made)).values(state="refused")
            )

    @precondition(lambda self: self.cases)
    @rule(which=WHICH)
    def recall_one(self, which: int) -> None:
        told = self.cases[which % len(self.cases)]

        def take_back() -> None:
            with self.room.hand.room.database.write() as connection:
                recall_case(connection, told.id, "looks-wrong", self.room.reader)

        may = told.is_closed and not told.is_erased
        assert self.try_it(take_back) == told.is_closed or told.is_erased
        if may:
            self.note_recall(told)

    @rule(which=WHICH, images=MORE_IMAGES)
    def recall_all(self, which: int, images: list[Image]) -> None:
        self.arrive(images)
        keys = sorted(self.certificates)
        key = keys[which % len(keys)]
        with self.room.hand.room.database.write() as connection:
            recall_by_certificate(connection, key, self.room.lead)
        for told in self.cases:
            if told.is_closed and key in self.room.decision(told.id).certificates:  # type: ignore[union-attr]
                self.note_recall(told)

    def erase(self, patient: int) -> None:
        pseudonym = f"{7000 + patient:016x}"
        erase_patient(self.room.hand.room, pseudonym, self.room.admin.id)
        for told in self.cases:
            if told.patient == pseudonym:
                told.is_erased = True

    @rule()
    def look(self) -> None:
        """Somebody looks at the room."""
        with self.room.hand.room.database.write() as connection:
            review(connection)
        self.note_fall()
        self.is_reviewed = True

    # What follows from it, told slowly.

    def try_it(self, do: Callable[[], object]) -> bool:
        try:
            do()
        except NotAllowed:
            return False
        return True

    def has_answer(self, told: Told) -> bool:
        with self.room.hand.room.database.read() as connection:
            asked = select(tables.prediction.c.id).where(
                tables.prediction.c.case_id == told.id, tables.prediction.c.bundle == self.bundle
            )
            return connection.execute(asked).first() is not None

    def note_certificates(self) -> None:
        """Keep what a new certificate says, once, and the gate's evidence with it."""
        with self.room.hand.room.database.read() as connection:
            for row in connection.execute(select(tables.certificate)):
                told = row.told
                self.certificates.setdefault(
                    row.id,
                    Known(
                        told["decides"], told["threshold"], told["bundle"], told["preprocessing"],
                        datetime.fromisoformat(told["expires"]),
                    ),
                )  # fmt: skip

    def note_reach(self) -> None:
        """At assistance everybody sees what the machine said, unless first answers are asked."""
        for one in self.cases:
            shows = one.level == "assistance" and not self.settings.asks_first
            one.is_seen |= shows and self.has_answer(one)

    def note_level(self, level: Level, protocol: str | None) -> None:
        self.note_reach()
        self.level = level
        self.approval = (protocol or self.approval) if level in AUTOMATED else None
        for known in self.certificates.values():
            known.waits = False
        for one in self.cases:
            is_ruled = one.kind is not None and not one.is_recalled and one.level in AUTOMATED
            blind: Level = "shadow" if is_ruled and level not in AUTOMATED else level
            if not one.is_closed:
                one.level = min(one.level, level, blind, key=LEVELS.index)
        self.note_reach()

    def note_fall(self) -> None:
        """The room may have fallen by itself: to assistance, and only from above it."""
        found = self.room.hand.state().level
        if found != self.level:
            assert (self.level in AUTOMATED, found) == (True, "assistance")
            self.note_level("assistance", None)
        with self.room.hand.room.database.read() as connection:
            for row in connection.execute(select(tables.certificate)):
                known = self.certificates[row.id]
                # What ended once never comes back.
                assert row.voided_at is not None or not known.is_ended
                known.is_ended |= row.voided_at is not None

    def note_recall(self, told: Told) -> None:
        told.is_recalled = told.is_seen = True
        told.level = min(told.level, self.level, "assistance", key=LEVELS.index)

    def list_sides(self) -> dict[Side, list[float]]:
        known = self.certificates.values()
        holding = [one for one in known if one.holds(self) and not one.waits]
        return {
            side: [one.threshold for one in holding if one.side == side]
            for side in ("negative", "positive")
        }

    def carries(self, level: Level) -> bool:
        sides = self.list_sides()
        if level == "partial":
            return any(sides.values())
        return any(low <= high for high in sides["negative"] for low in sides["positive"])

    def judge_decision(self, told: Told, lot: int) -> None:
        row: Any = self.room.decision(told.id)
        if told.kind is not None:
            return  # a case is decided once, whatever answers again
        level = min(told.level, self.level, key=LEVELS.index)
        if level not in AUTOMATED:
            assert row is None  # no path decides
            return
        assert row is not None
        told.kind, told.is_drawn = row.kind, bool(row.is_drawn)
        may = self.purpose != "live" or self.approval is not None
        assert told.kind.startswith("would-") != may  # no living patient without approval
        assert told.is_drawn == (lot < self.settings.spot_check_percent or not may)
        assert row.certificates
        assert all(self.certificates[one].holds(self) for one in row.certificates)
        reason, findings = self.find_ruling(told, level)
        assert (row.reason, row.findings) == (reason, findings)
        assert told.kind.endswith("refer" if findings is None else "decide") or told.kind in {
            "decided", "referred"
        }  # fmt: skip

    def find_ruling(self, told: Told, level: Level) -> tuple[str | None, dict[str, bool] | None]:
        if told.firsts or told.finals:
            return "policy", None
        for one in told.warnings:
            return REASONS[one], None
        if told.distance is None or told.distance <= 0.01:
            return "out-of-distribution", None
        sides = self.list_sides()
        if level == "full":
            row: Any = self.room.decision(told.id)
            is_present = row.findings[FINDING]
            if is_present:
                assert told.score >= min(sides["positive"])
            else:
                assert told.score <= max(sides["negative"])
            return None, {FINDING: is_present, "normal": not is_present}
        is_absent = bool(sides["negative"]) and told.score < min(sides["negative"])
        is_present = bool(sides["positive"]) and told.score > max(sides["positive"])
        if is_absent == is_present:
            return "not-confident", None
        return None, {FINDING: is_present, "normal": is_absent}

    def waits(self, told: Told, reader: SignedIn) -> bool:
        is_wanted = len(told.finals) < self.settings.readers_per_case
        return not told.is_erased and is_wanted and not self.is_done(told, reader)

    def is_done(self, told: Told, reader: SignedIn) -> bool:
        return reader.id in told.finals or told.is_closed

    def must_first(self, told: Told, reader: SignedIn) -> bool:
        is_asked = told.level in AUTOMATED or (
            told.level == "assistance" and self.settings.asks_first
        )
        return is_asked and not told.is_seen and reader.id not in told.firsts

    def list_may(self, told: Told, reader: SignedIn) -> set[str]:
        if told.is_erased:
            return set()
        if reader.id in told.finals:
            return {"amend"}
        if told.is_closed:
            return {"recall"}
        if not self.waits(told, reader):
            return set()
        return {"claim", "first-answer" if self.must_first(told, reader) else "commit"}

    # What must hold after every event.

    @invariant()
    def no_level_without_its_evidence(self) -> None:
        assert self.room.hand.state().level == self.level
        if self.is_reviewed and self.level in AUTOMATED:
            assert self.carries(self.level)

    @invariant()
    def no_case_rises_and_all_fall_at_once(self) -> None:
        for told in self.cases:
            assert self.room.hand.find(told.id).level == told.level
            if not told.is_closed:
                assert LEVELS.index(told.level) <= LEVELS.index(self.level)

    @invariant()
    def every_drawn_case_is_asked_for_and_looks_like_any_other(self) -> None:
        for reader in (self.room.reader, self.other):
            listed = {shown: self.list(reader, shown) for shown in ("open", "decided", "all")}
            expected = [one.id for one in self.cases if self.waits(one, reader)]
            assert sorted(listed["open"]) == sorted(expected)
            closed = [one for one in self.cases if one.is_closed and not one.is_erased]
            assert set(listed["decided"]) == {
                one.id for one in closed if reader.id not in one.finals
            }
            for told in self.cases:
                if told.is_erased:
                    continue
                view = self.room.hand.view(reader, told.id)
                assert set(view.may) == self.list_may(told, reader)
                lines = [view.line, listed["all"][told.id], *view.earlier]
                if self.must_first(told, reader) and not self.is_done(told, reader):
                    assert (view.machine, view.decision) == (None, None)
                    for line in lines:
                        assert self.is_blank(line)

    def is_blank(self, line: CaseLine) -> bool:
        return (line.decision, line.priority, line.decided) == (None, None, None)

    def list(self, reader: SignedIn, shown: str) -> dict[str, CaseLine]:
        own = {one.id for one in self.cases}
        with self.room.hand.room.database.read() as connection:
            found = list_cases(
                connection, self.room.hand.state(), reader, Query(shown, limit=200)  # type: ignore[arg-type]
            )  # fmt: skip
        return {one.id: one for one in found.cases if one.id in own}


def prepare(folder: Path, purpose: Purpose) -> Path:
    """Bring a room to where both sides are certified."""
    place = folder / purpose
    room = make_automated_room(place, purpose)
    room.set_gates()
    room.hand.set_level("shadow")
    keys = [room.promise(), room.promise(decides="positive")]
    room.work_in_shadow(104)
    for key in keys:
        assert room.test(key) is not None
    room.raise_to("partial")
    with room.hand.room.database.write() as connection:
        wanted = RoomSettings(
            reveal="after-commit", asks_first=False, readers_per_case=1, spot_check_percent=100
        )
        set_settings(connection, wanted, room.lead.id)
    room.read(room.add(0.01), False)  # the spot check that full asks for
    with room.hand.room.database.write() as connection:
        set_settings(connection, wanted.model_copy(update={"spot_check_percent": 5}), room.lead.id)
    room.hand.set_level("shadow")
    room.hand.close()
    return place / "room"


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: int, steps: int) -> None:
    for name in ("serving.clock", "serving.certificates", "serving.promises",
                 "serving.automation_view", "evaluation.certifying"):  # fmt: skip
        monkeypatch.setattr(f"cxrlens.{name}.datetime", Clock)
    World.patch = monkeypatch
    World.folder = tmp_path
    World.prepared = {one: prepare(tmp_path, one) for one in ("retrospective", "live")}
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.generate],  # a room takes too long to look for the shortest history
        ),
    )


def test_nothing_decides_without_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, monkeypatch, 4, 16)


@pytest.mark.slow
def test_nothing_decides_without_evidence_after_many_histories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, monkeypatch, 9, 30)
