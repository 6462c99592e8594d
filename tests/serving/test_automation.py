"""What must be there before the machine decides, and what takes it away again.

SPDX-License-Identifier: Apache-2.0
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, text, update

from cxrlens.client.automation import GateSettings, PromiseNew
from cxrlens.client.messages import BundleOfRoom, ClassOfRoom, ReferenceAnswer, RoomSettings
from cxrlens.serving import tables
from cxrlens.serving.answering import decide_left
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import BundleFacts
from cxrlens.serving.certificates import list_held, void_certificate
from cxrlens.serving.clock import tell_time
from cxrlens.serving.deciding import decide, recall_by_certificate, recall_case
from cxrlens.serving.gates import refuse_fewer_checks
from cxrlens.serving.jobs import enqueue
from cxrlens.serving.patients import erase_patient
from cxrlens.serving.people import make_token
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.promises import make_promise, withdraw_promise
from cxrlens.serving.readings import set_reference
from cxrlens.serving.room import begin_serving, set_settings
from cxrlens.serving.service import Door, Service
from cxrlens.serving.standing import fall, review
from cxrlens.serving.trail import SYSTEM
from cxrlens.serving.verifying import verify
from cxrlens.serving.worklist import Query, list_cases

from .automated_room import BUNDLE, CLASSES, LOW_GATES, AutomatedRoom, make_automated_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[AutomatedRoom]:
    made = make_automated_room(tmp_path)
    yield made
    made.hand.close()


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a room with a certificate, made once and copied."""
    place = tmp_path_factory.mktemp("certified")
    room = make_automated_room(place)
    room.certify()
    room.hand.close()
    return place / "room"


@pytest.fixture
def partial(certified: Path, tmp_path: Path) -> Iterator[AutomatedRoom]:
    """A room that decides."""
    shutil.copytree(certified, tmp_path / "partial" / "room")
    made = make_automated_room(tmp_path / "partial")
    made.n_patients = 1000
    made.rng = np.random.default_rng(1)
    made.raise_to("partial")
    yield made
    made.hand.close()


@pytest.fixture
def unchecked(partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch) -> AutomatedRoom:
    """A room that decides, whose lot gives no case to a reader."""
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 99)
    return partial


def list_shown(room: AutomatedRoom, shown: str) -> list[str]:
    with room.hand.room.database.read() as connection:
        found = list_cases(connection, room.hand.state(), room.reader, Query(shown))  # type: ignore[arg-type]
    return [one.id for one in found.cases]


def refuse(room: AutomatedRoom, *words: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        room.raise_to("partial")
    assert refused.value.reason == "gate-closed"
    for word in words:
        assert word in str(refused.value)


def test_partial_needs_its_evidence(room: AutomatedRoom) -> None:
    refuse(room, "found none", "0: 200 are missing", "not measured")
    room.certify()
    room.raise_to("partial")
    assert room.hand.state().level == "partial"


def test_a_promise_counts_only_what_becomes_known_after_it(room: AutomatedRoom) -> None:
    room.set_gates()
    room.hand.set_level("shadow")
    room.work_in_shadow()
    key = room.promise()
    with pytest.raises(NotAllowed, match=r"0 are there: 30 are missing"):
        room.test(key)
    told = room.tell().promises[0]
    assert (told.n_at_stake, told.n_missing) == (0, 30)
    assert told.left_out == {"what is true of it was known before the promise was made": 110}


def test_the_reader_is_no_reference(room: AutomatedRoom) -> None:
    room.set_gates()
    room.hand.set_level("shadow")
    key = room.promise()
    for _ in range(30):
        one = room.add(0.9)
        room.read(one, True, room.lead)
        room.tell_truth(one, True, room.lead)
    with pytest.raises(NotAllowed, match=r"30 are missing"):
        room.test(key)
    assert list(room.tell().promises[0].left_out) == [
        "what is true of it was entered by somebody who read it here"
    ]


def test_a_patient_counts_once_and_one_without_id_not_at_all(room: AutomatedRoom) -> None:
    room.set_gates()
    room.hand.set_level("shadow")
    key = room.promise()
    for _ in range(3):
        room.tell_truth(room.add(0.9, pseudonym="f" * 16), True)
    unknown = room.add(0.9)
    with room.hand.room.database.write() as connection:
        connection.execute(
            update(tables.case).where(tables.case.c.id == unknown).values(pseudonym=None)
        )
    room.tell_truth(unknown, True)
    told = next(one for one in room.tell().promises if one.id == key)
    assert told.n_at_stake == 1
    assert sum(told.left_out.values()) == 1


def test_a_look_that_failed_is_not_made_again(room: AutomatedRoom) -> None:
    room.set_gates()
    room.hand.set_level("shadow")
    key = room.promise()
    for _ in range(30):  # the machine gives nothing to go by
        room.tell_truth(room.add(0.0), True)
    assert room.test(key) is None
    told = room.tell().promises[0]
    assert told.state == "spent"
    assert "no threshold keeps the promise" in told.tested[0]
    with pytest.raises(NotAllowed, match="make another one"):
        room.test(key)
    with (
        pytest.raises(NotAllowed, match="make another one"),
        room.hand.room.database.write() as connection,
    ):
        withdraw_promise(connection, key, "no use", room.lead)


def test_covered_cases_are_decided_and_others_referred(unchecked: AutomatedRoom) -> None:
    room = unchecked
    low, high = room.add(0.01), room.add(0.9)
    far, unmeasured = room.add(0.01, distance=0.004), room.add(0.01, distance=None)
    warned = room.add(0.01, warnings=[{"reason": "cropped", "message": "it is cropped"}])
    viewless = room.add(0.01, warnings=[{"reason": "view-unknown", "message": "no view"}])
    found = {
        one: (row.kind, row.reason)
        for one in (low, high, far, unmeasured, warned, viewless)
        if (row := room.decision(one)) is not None
    }
    assert found == {
        low: ("decided", None),
        high: ("referred", "not-confident"),
        far: ("referred", "out-of-distribution"),
        unmeasured: ("referred", "out-of-distribution"),
        warned: ("referred", "quality"),
        viewless: ("referred", "view"),
    }
    assert list_shown(room, "decided") == [low]
    assert set(list_shown(room, "open")) == {high, far, unmeasured, warned, viewless}
    assert room.hand.view(room.reader, low).may == ("recall",)
    told = room.tell().counts
    assert (told.n_decided, told.n_would_decide, told.n_referred) == (1, 0, {})
    assert told.automation is not None
    assert (told.automation.value, told.automation.n) == (1 / 6, 6)
    for one in (high, far, unmeasured, warned, viewless):  # nothing tells of them until then
        room.read(one, True)
    assert room.tell().counts.n_referred == {
        "not-confident": 1, "out-of-distribution": 2, "quality": 1, "view": 1
    }  # fmt: skip


def test_a_spot_check_looks_like_a_referral(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = partial
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    drawn = room.add(0.01)
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 99)
    referred = room.add(0.9)
    for one in (drawn, referred):
        view = room.hand.view(room.reader, one)
        assert (view.machine, view.decision, view.line.decided) == (None, None, None)
        assert view.may == ("claim", "first-answer")
    assert set(list_shown(room, "open")) == {drawn, referred}
    assert list_shown(room, "decided") == []
    room.hand.say(room.reader, drawn, "first-answer", "normal")
    told = room.hand.view(room.reader, drawn).decision
    assert told is not None
    assert (told.kind, told.is_spot_check) == ("decided", True)


def test_misses_found_by_spot_checks_take_the_room_down(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = partial
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    waiting = room.add(0.9)
    for _ in range(12):
        if room.hand.state().level != "partial":
            break
        room.read(room.add(0.01), True)
    assert room.hand.state().level == "assistance"
    told = room.tell()
    assert told.certificates[0].standing == "void"
    assert "the promise is broken" in str(told.certificates[0].why_void)
    assert told.certificates[0].spot_checks.n_wrong >= 2
    assert told.levels[0].by == "system"
    assert told.levels[0].level == "assistance"
    assert room.hand.find(waiting).level == "shadow"  # it goes on being read without the machine
    assert room.decision(room.add(0.01)) is None  # and nothing is decided any more


def test_another_model_takes_the_room_down(partial: AutomatedRoom) -> None:
    begin_serving(partial.hand.room, "d" * 64)
    with partial.hand.room.database.write() as connection:
        review(connection)
    assert partial.hand.state().level == "assistance"
    assert "is of bundle bbbb" in str(partial.tell().certificates[0].why_void)


def test_another_way_from_file_to_pixels_takes_the_room_down(partial: AutomatedRoom) -> None:
    partial.note_preparation("e" * 64)
    assert partial.hand.state().level == "assistance"
    assert "preprocessing" in str(partial.tell().certificates[0].why_void)


def test_a_date_that_has_passed_takes_the_room_down(partial: AutomatedRoom) -> None:
    with partial.hand.room.database.write() as connection:
        row = connection.execute(select(tables.certificate)).one()
        told = {**row.told, "made_at": "2020-01-01T00:00:00+00:00",
                "expires": "2021-01-01T00:00:00+00:00"}  # fmt: skip
        connection.execute(update(tables.certificate).values(told=told))
    one = partial.add(0.01)
    assert partial.decision(one) is None
    assert partial.hand.state().level == "assistance"
    assert "ended at 2021" in str(partial.tell().certificates[0].why_void)


def test_brighter_images_take_the_room_down(partial: AutomatedRoom) -> None:
    room = partial
    made = [room.add(float(room.rng.uniform(0, 1)), brightness=0.9) for _ in range(20)]
    assert room.hand.state().level == "assistance"
    why = str(room.tell().certificates[0].why_void)
    assert why.startswith("drift: ")
    assert "brightness changed" in why
    # The one that filled the window was not decided any more.
    assert room.decision(made[-1]) is None
    assert room.decision(made[0]) is not None


def test_cases_of_one_class_only_take_the_room_down(room: AutomatedRoom) -> None:
    room.certify(window=50)
    room.raise_to("partial")
    for _ in range(50):
        room.add(float(room.rng.normal(0.8, 0.05)))
    assert room.hand.state().level == "assistance"
    assert "scores changed" in str(room.tell().certificates[0].why_void)


def test_a_clock_that_was_set_back_takes_the_room_down(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Earlier":
            return super().now(tz) - timedelta(days=1)

    monkeypatch.setattr("cxrlens.serving.certificates.datetime", Earlier)
    one = partial.add(0.01)
    assert partial.decision(one) is None
    assert partial.hand.state().level == "assistance"
    assert "set the clock right" in str(partial.tell().certificates[0].why_void)


def test_cases_like_those_before_raise_no_alarm(partial: AutomatedRoom) -> None:
    room = partial
    for number in range(60):
        is_present = number % 2 == 0
        low, high = 0.8 if is_present else 0.1, 0.05
        room.add(float(min(max(room.rng.normal(low, high), 0), 1)))
    told = room.tell().certificates[0]
    assert (told.standing, told.n_watched) == ("valid", 60)
    assert {one.look for one in told.drift} == {1, 2, 3}
    assert room.hand.state().level == "partial"


def test_a_live_room_records_what_it_would_have_decided(tmp_path: Path) -> None:
    room = make_automated_room(tmp_path, "live")
    room.certify()
    room.raise_to("partial")
    one = room.add(0.01)
    row = room.decision(one)
    assert row is not None
    assert (row.kind, row.is_drawn) == ("would-decide", True)
    assert list_shown(room, "open") == [one]
    assert not room.tell().decides
    room.read(one, False)
    assert room.tell().certificates[0].spot_checks.n_read == 1
    room.raise_to("partial", "EC-2026-17")
    told = room.tell()
    assert told.decides
    assert told.approval is not None
    assert (told.approval.protocol, told.approval.by) == ("EC-2026-17", "Lead")
    later = room.decision(room.add(0.01))
    assert later is not None
    assert later.kind == "decided"
    room.hand.set_level("assistance")
    room.raise_to("partial")
    assert not room.tell().decides  # an approval ends with the level
    room.hand.close()


def test_stop_acts_on_every_undecided_case_and_leaves_decided_ones(
    unchecked: AutomatedRoom,
) -> None:
    room = unchecked
    decided, referred = room.add(0.01), room.add(0.9)
    room.hand.set_level("human-only")
    assert room.hand.find(referred).level == "human-only"
    assert list_shown(room, "decided") == [decided]
    assert list_shown(room, "open") == [referred]
    room.raise_to("partial")
    assert room.hand.find(referred).level == "human-only"  # a case never rises


def test_a_decided_case_is_taken_back(unchecked: AutomatedRoom) -> None:
    room = unchecked
    one, other = room.add(0.01), room.add(0.01)
    with pytest.raises(NotAllowed, match="take it back first"):
        room.hand.say(room.reader, one, "commit")
    with room.hand.room.database.write() as connection:
        recall_case(connection, one, "looks-wrong", room.reader)
        with pytest.raises(NotAllowed, match="taken back already"):
            recall_case(connection, one, "looks-wrong", room.reader)
    view = room.hand.view(room.reader, one)
    assert view.line.level == "assistance"
    assert view.decision is not None
    assert (view.decision.recalled_by, view.decision.recall_reason) == ("Reader", "looks-wrong")
    room.read(one, True)
    assert room.hand.view(room.reader, one).readings[-1].machine_was_shown
    with room.hand.room.database.write() as connection:
        assert recall_by_certificate(connection, list_held(connection)[0].id, room.lead) == 1
    assert list_shown(room, "decided") == []
    assert list_shown(room, "open") == [other]


def test_full_needs_both_sides_and_time_at_partial(room: AutomatedRoom) -> None:
    room.set_gates()
    room.hand.set_level("shadow")
    keys = [room.promise(), room.promise(decides="positive")]
    room.work_in_shadow()
    room.test(keys[0])
    with pytest.raises(NotAllowed, match="certificate"):
        room.raise_to("full")
    room.test(keys[1])
    with pytest.raises(NotAllowed, match="spot checks"):
        room.raise_to("full")
    room.raise_to("partial")
    with room.hand.room.database.write() as connection:
        wanted = RoomSettings(
            reveal="after-commit", asks_first=False, readers_per_case=1, spot_check_percent=100
        )
        set_settings(connection, wanted, room.lead.id)
    room.read(room.add(0.01), False)
    room.raise_to("full")
    found = [room.decision(room.add(score)) for score in (0.0, 0.3, 0.45, 0.55, 1.0)]
    assert all(one is not None and one.kind == "decided" for one in found)
    far = room.decision(room.add(0.01, distance=0.001))
    assert far is not None
    assert far.kind == "referred"


def test_gates_are_not_lowered_while_the_machine_decides(partial: AutomatedRoom) -> None:
    with pytest.raises(NotAllowed, match="lower the room"):
        partial.set_gates(GateSettings())


def test_a_certificate_ended_by_hand_takes_the_room_down(partial: AutomatedRoom) -> None:
    with partial.hand.room.database.write() as connection:
        void_certificate(connection, list_held(connection)[0], "ended by hand", partial.lead.id)
        fall(connection, ["ended by hand"])
    assert partial.hand.state().level == "assistance"


def test_the_trail_tells_of_every_decision(unchecked: AutomatedRoom) -> None:
    room = unchecked
    one = room.add(0.01)
    with room.hand.room.database.read() as connection:
        assert verify(connection).fault is None
    with room.hand.room.database.write() as connection:
        connection.execute(
            update(tables.decision).where(tables.decision.c.case_id == one).values(is_drawn=True)
        )
    with room.hand.room.database.read() as connection:
        assert f"case {one}" in str(verify(connection).fault)


def test_a_reader_who_was_first_is_not_overtaken(unchecked: AutomatedRoom) -> None:
    room = unchecked
    room.hand.set_level("shadow")
    room.raise_to("partial")
    one = room.hand.add_case(room.reader, pseudonym="9" * 16, digest="9" * 64)
    room.hand.say(room.reader, one, "first-answer", "normal")
    room.answer(one, 0.01)
    with room.hand.room.database.write() as connection:
        decide(connection, one)
    row = room.decision(one)
    assert row is not None
    assert (row.kind, row.reason) == ("referred", "policy")


def test_a_drawn_case_cannot_be_taken_back_and_so_be_told_from_a_referred_one(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = partial
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    drawn, referred = room.add(0.01), room.add(0.9)
    said = set()
    for one in (drawn, referred):
        with pytest.raises(NotAllowed) as refused, room.hand.room.database.write() as connection:
            recall_case(connection, one, "looks-wrong", room.reader)
        said.add(str(refused.value))
    assert len(said) == 1
    with room.hand.room.database.write() as connection:
        assert recall_by_certificate(connection, list_held(connection)[0].id, room.lead) == 0
    room.read(drawn, True)  # it stays a check: the reader had not seen the machine
    assert room.tell().certificates[0].spot_checks.n_wrong == 1


def test_two_promises_are_not_tested_on_the_same_cases(room: AutomatedRoom) -> None:
    room.set_gates()
    key = room.promise()
    with pytest.raises(NotAllowed, match=f"promise {key} to decide 'pneumonia' negative is still"):
        room.promise(n=31)
    room.promise(decides="positive")
    with room.hand.room.database.write() as connection:
        withdraw_promise(connection, key, "another size", room.lead)
    room.promise(n=31)


def test_what_another_class_says_is_known_too(room: AutomatedRoom) -> None:
    room.set_gates()
    room.hand.set_level("shadow")
    one = room.add(0.9)
    with room.hand.room.database.write() as connection:
        answer = ReferenceAnswer(findings={"normal": False}, source="CT")
        set_reference(connection, room.lead, one, answer, room.hand.classes)
    room.promise()
    room.tell_truth(one, True)
    told = room.tell().promises[0]
    assert (told.n_at_stake, list(told.left_out)) == (
        0, ["what is true of it was known before the promise was made"]
    )  # fmt: skip


def test_a_distance_that_is_no_number_is_far(unchecked: AutomatedRoom) -> None:
    one = unchecked.decision(unchecked.add(0.01, distance=float("nan")))
    assert one is not None
    assert (one.kind, one.reason) == ("referred", "out-of-distribution")


def test_a_case_that_was_erased_or_answered_otherwise_is_not_decided(
    unchecked: AutomatedRoom,
) -> None:
    room = unchecked
    made = [room.hand.add_case(room.reader, pseudonym=f"{n:016x}") for n in (901, 902, 903)]
    for one in made:
        room.answer(one, 0.01)
    with room.hand.room.database.write() as connection:
        connection.execute(
            insert(tables.patient).values(pseudonym=f"{901:016x}", patient_id="P", name="")
        )
        connection.execute(
            update(tables.prediction)
            .where(tables.prediction.c.case_id == made[1])
            .values(preparation="9" * 64)
        )
    erase_patient(room.hand.room, f"{901:016x}", room.admin.id)
    decide_left(room.hand.room)  # as when the process ended between the answer and the decision
    with room.hand.room.database.write() as connection:
        decide(connection, made[0])
    assert [room.decision(one) is None for one in made] == [True, True, False]


def test_of_an_erased_patient_nothing_but_the_decision_stays(unchecked: AutomatedRoom) -> None:
    room = unchecked
    with room.hand.room.database.write() as connection:
        connection.execute(insert(tables.patient).values(pseudonym="f" * 16, patient_id="Q"))
    warned = [{"reason": "cropped", "message": "the image of Jane Doe is cropped"}]
    made = [room.add(0.01, pseudonym="f" * 16, warnings=told) for told in ([], warned)]
    n_answers = room.hand.count(tables.prediction)
    erase_patient(room.hand.room, "f" * 16, room.admin.id)
    assert room.hand.count(tables.prediction) == n_answers - 2  # and the features with it
    told = [room.decision(one) for one in made]
    assert [one is not None and one.kind for one in told] == ["decided", "referred"]
    assert "Doe" not in str(told)
    with room.hand.room.database.read() as connection:
        assert verify(connection).fault is None
    assert list_shown(room, "decided") == []
    assert room.tell().counts.n_decided == 1


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("certificate", {"voided_at": None}),
        ("certificate", {"after_number": 0}),
        ("promise", {"risk": 0.2}),
        ("promise", {"state": "open"}),
        ("promise", {"line": 0, "looks": [10]}),
        ("reference", {"first_line": 9999}),
        ("reference", {"set_by": "0" * 16}),
        ("room", {"level": "partial"}),
        ("room", {"approval": {"protocol": "P", "by": "x", "at": "y"}}),
    ],
)
def test_the_trail_tells_of_the_evidence(
    partial: AutomatedRoom, table: str, values: dict[str, object]
) -> None:
    room = partial
    with room.hand.room.database.write() as connection:
        void_certificate(connection, list_held(connection)[0], "ended by hand", room.lead.id)
        fall(connection, ["ended by hand"])
    with room.hand.room.database.write() as connection:
        assert verify(connection).fault is None
        if table == "reference":
            connection.execute(text("PRAGMA foreign_keys = OFF"))
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(update(tables.metadata.tables[table]).values(**values))
        assert "is not as the trail tells of it" in str(verify(connection).fault)
        connection.rollback()


def test_the_trail_tells_of_an_edited_certificate(partial: AutomatedRoom) -> None:
    with partial.hand.room.database.write() as connection:
        row = connection.execute(select(tables.certificate)).one()
        told = {**row.told, "threshold": 0.9}
        connection.execute(update(tables.certificate).values(told=told))
        assert verify(connection).fault == (f"certificate {row.id} is not as the trail tells of it")


def test_a_clock_that_was_set_back_hides_no_case(partial: AutomatedRoom) -> None:
    room = partial
    now = room.hand.add_case(room.reader)
    later = room.hand.add_case(room.reader, received_at=tell_time(timedelta(days=1)))
    with room.hand.room.database.write() as connection:
        for one in (now, later):
            enqueue(connection, "predict", one, "b" * 64)
    assert list_shown(room, "open") == [later]


def test_of_two_certificates_of_one_side_the_stricter_decides(room: AutomatedRoom) -> None:
    loose = room.certify(risk=0.2)
    room.promise(risk=0.05, n=60)
    room.work_in_shadow(130)
    strict = room.test(room.tell().promises[0].id)
    told = {one.id: one.threshold for one in room.tell().certificates}
    assert strict is not None
    assert told[strict] < told[loose]
    room.raise_to("partial")
    between = (told[strict] + told[loose]) / 2
    found = [room.decision(room.add(score)) for score in (told[strict] - 1e-3, between)]
    assert [one is not None and one.kind for one in found] == ["decided", "referred"]
    assert all(one is not None and one.certificates == [strict] for one in found)
    with room.hand.room.database.write() as connection:
        void_certificate(connection, list_held(connection)[0], "ended by hand", room.lead.id)
        fall(connection, ["ended by hand"])
    assert room.hand.state().level == "assistance"  # people look first, though one is left
    room.raise_to("partial")
    last = room.decision(room.add(between))
    assert last is not None
    assert (last.kind, last.certificates) == ("decided", [loose])


def test_a_loose_promise_opens_no_gate_and_decides_nothing(room: AutomatedRoom) -> None:
    room.certify()
    room.set_gates(LOW_GATES.model_copy(update={"risk": 0.05}))
    refuse(room, "promises at most 0.05", "found none")
    room.set_gates()
    room.raise_to("partial")
    with room.hand.room.database.write() as connection:  # as nobody may while the machine decides
        strict = LOW_GATES.model_copy(update={"risk": 0.05}).model_dump()
        connection.execute(update(tables.room).values(gates=strict))
    assert room.decision(room.add(0.01)) is None
    assert room.hand.state().level == "assistance"


@pytest.mark.parametrize(
    "gate", [{"delta": 0.01}, {"days": 30}, {"drift_window": 20, "drift_looks": 10}]
)
def test_every_part_of_a_promise_has_its_bound(room: AutomatedRoom, gate: dict[str, float]) -> None:
    room.certify()
    room.set_gates(LOW_GATES.model_copy(update=gate))
    refuse(room, "found none")


def test_a_certificate_made_while_the_machine_decides_waits(unchecked: AutomatedRoom) -> None:
    room = unchecked
    key = room.promise(decides="positive")
    room.hand.set_level("shadow")
    room.work_in_shadow(80)
    room.raise_to("partial")
    assert room.test(key) is not None
    before = room.decision(room.add(0.99))
    assert before is not None
    assert before.kind == "referred"
    room.raise_to("partial")
    after = room.decision(room.add(0.99))
    assert after is not None
    assert after.kind == "decided"


def test_cases_that_the_machine_chose_are_no_evidence(
    unchecked: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = unchecked
    key = room.promise()
    room.tell_truth(room.add(0.9), True)
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    room.tell_truth(room.add(0.9), True)
    told = next(one for one in room.tell().promises if one.id == key)
    assert told.n_at_stake == 1
    assert any(why.startswith("the machine ruled on it") for why in told.left_out)


def test_a_spot_check_that_fell_with_the_room_is_still_one(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = partial
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    drawn = room.add(0.01)
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 99)
    referred = room.add(0.9)
    room.hand.set_level("assistance")
    for one in (drawn, referred):
        view = room.hand.view(room.reader, one)
        assert (view.line.level, view.machine) == ("shadow", None)
    room.read(drawn, True)
    assert room.tell().certificates[0].spot_checks.n_wrong == 1


def test_spot_checks_that_nobody_reads_take_the_room_down(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = partial
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    drawn = room.add(0.01)
    with room.hand.room.database.write() as connection:
        connection.execute(
            update(tables.decision).where(tables.decision.c.case_id == drawn)
            .values(at="2020-01-01T00:00:00.000000+00:00")
        )  # fmt: skip
        review(connection)
    assert room.hand.state().level == "assistance"
    assert "1 spot checks have waited" in str(room.tell().certificates[0].why_void)


def test_spot_checks_are_not_cut_while_the_machine_decides(partial: AutomatedRoom) -> None:
    wanted = RoomSettings(
        reveal="after-commit", asks_first=False, readers_per_case=1, spot_check_percent=4
    )
    with (
        pytest.raises(NotAllowed, match="fewer are not"),
        partial.hand.room.database.write() as connection,
    ):
        refuse_fewer_checks(connection, wanted)


def test_the_other_class_of_two_is_the_same_promise(room: AutomatedRoom) -> None:
    room.promise()
    asked = PromiseNew(
        finding="normal", decides="positive", risk=0.1, looks=(30,),
        expires=tell_time(timedelta(days=30)),
    )  # fmt: skip
    with (
        pytest.raises(NotAllowed, match="the other way round"),
        room.hand.room.database.write() as connection,
    ):
        make_promise(connection, asked, room.hand.classes, room.lead)


def test_a_promise_is_tested_on_the_model_that_it_was_made_of(room: AutomatedRoom) -> None:
    key = room.promise()
    begin_serving(room.hand.room, "d" * 64)
    with pytest.raises(NotAllowed, match="of another model"):
        room.test(key)


@pytest.mark.parametrize("is_miss", [True, False])
def test_a_reader_does_not_take_back_what_they_found_alone(
    partial: AutomatedRoom, monkeypatch: pytest.MonkeyPatch, is_miss: bool
) -> None:
    room = partial
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    one = room.add(0.01)
    room.read(one, is_miss, room.lead)
    room.tell_truth(one, not is_miss, room.lead)
    # A miss stays one, and whoever saw none at first may say that there was one.
    assert room.tell().certificates[0].spot_checks.n_wrong == 1


def test_no_image_of_a_patient_that_it_was_trained_on_counts(room: AutomatedRoom) -> None:
    key = room.promise()
    known, other = room.add(0.9, pseudonym="f" * 16), room.add(0.9, pseudonym="f" * 16)
    room.tell_truth(room.add(0.9), True)
    room.tell_truth(other, True)  # what is true of the one it was trained on nobody tells
    with room.hand.room.database.write() as connection:
        connection.execute(
            update(tables.prediction)
            .where(tables.prediction.c.case_id == known)
            .values(was_trained_on=True)
        )
    told = next(one for one in room.tell().promises if one.id == key)
    assert (told.n_at_stake, sum(told.left_out.values())) == (1, 1)


def test_referred_cases_say_nothing_of_what_is_usual(
    unchecked: AutomatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = unchecked
    before = room.tell().gates[1].lines[0].found
    room.read(room.add(0.9), False)
    assert room.tell().gates[1].lines[0].found == before
    monkeypatch.setattr("cxrlens.serving.deciding.secrets.randbelow", lambda _n: 0)
    room.read(room.add(0.9), True)
    assert room.tell().gates[1].lines[0].found != before


def test_setting_the_same_level_again_passes_the_gate_too(tmp_path: Path) -> None:
    room = make_automated_room(tmp_path, "live")
    room.certify()
    room.raise_to("partial")
    with room.hand.room.database.write() as connection:
        shown = make_token(connection, room.lead.id, "test", SYSTEM)
        more = LOW_GATES.model_copy(update={"shadow_cases": 10**6}).model_dump()
        connection.execute(update(tables.room).values(gates=more))
    facts = BundleFacts(
        BundleOfRoom(digest=BUNDLE, is_phantom=True, is_calibrated=False),
        tuple(ClassOfRoom(name=name, threshold=None) for name in CLASSES),
        is_multilabel=False,
        normal="normal",
    )
    client = TestClient(make_app(Service(room.hand.room, facts, Door(("testserver",)))))
    answer = client.put(
        "/api/v1/room/level",
        headers={"Authorization": f"Bearer {shown.secret}"},
        json={"level": "partial", "reason": "for good now", "protocol": "EC-1"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "gate-closed")
    assert not room.tell().decides
    room.hand.close()


def test_a_decided_case_shows_the_answer_that_decided_it(unchecked: AutomatedRoom) -> None:
    room = unchecked
    one = room.add(0.01)
    begin_serving(room.hand.room, "d" * 64)
    room.answer(one, 0.9)
    view = room.hand.view(room.reader, one)
    assert view.machine is not None
    assert (view.machine.bundle, view.machine.decision) == (BUNDLE, "normal")
