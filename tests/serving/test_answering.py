"""The model's answer is stored once, with the end of its job, and only where it may run.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from cxrlens.inference import fit_familiarity
from cxrlens.model import Model, load
from cxrlens.serving import tables
from cxrlens.serving.answering import explain, give_up, measure_priority, predict, tell_facts
from cxrlens.serving.bundle_facts import METHODS, describe_bundle, name_normal
from cxrlens.serving.jobs import ANSWERS, Job, enqueue, take
from cxrlens.serving.patients import erase_patient
from cxrlens.serving.people import SignedIn
from cxrlens.serving.room import begin_serving
from cxrlens.serving.trail import SYSTEM
from cxrlens.serving.verifying import verify

from .room_by_hand import RoomByHand


@pytest.fixture(scope="module")
def model(room_bundle: Path) -> Model:
    return load(room_bundle, engine="torch")


@pytest.fixture
def room(hand: RoomByHand, model: Model) -> RoomByHand:
    """A room that this model answers for."""
    begin_serving(hand.room, model.bundle.record.digest)
    return hand


@pytest.fixture
def reader(room: RoomByHand) -> SignedIn:
    return room.add_person("Reader", "lead")


def hand_in(room: RoomByHand, reader: SignedIn, *paths: Path, patient_id: str = "") -> list[str]:
    lines = room.receive(reader, *(path.read_bytes() for path in paths), patient_id=patient_id)
    room.check_all()
    return [str(line.id) for line in lines]


def take_all(room: RoomByHand) -> list[Job]:
    with room.room.database.write() as connection:
        return take(connection, ANSWERS, 16)


def tell_jobs(room: RoomByHand) -> list[tuple[str, str]]:
    with room.room.database.read() as connection:
        rows = connection.execute(
            select(tables.job.c.kind, tables.job.c.state)
            .where(tables.job.c.kind != "check")
            .order_by(tables.job.c.id)
        )
        return [(row.kind, row.state) for row in rows]


def test_answers_are_those_of_the_model(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    ids = hand_in(room, reader, *phantoms[:3])
    predict(room.room, model, take_all(room))
    for one, path in zip(ids, phantoms, strict=False):
        expected = model.predict(path)
        machine = room.view(reader, one).machine
        assert machine is not None
        assert machine.decision == expected.verdict
        assert [told.probability for told in machine.classes] == pytest.approx(
            list(expected.deciding)
        )
        assert {told.class_name for told in machine.maps} == set(expected.classes)
    assert tell_jobs(room) == [("predict", "done")] * 3
    with room.room.database.read() as connection:
        assert verify(connection).fault is None


def test_how_strange_an_image_is_goes_with_its_answer(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    ids = hand_in(room, reader, *phantoms[:2])
    jobs = take_all(room)
    predict(room.room, model, jobs[:1])
    features = model.predict(phantoms[1]).features
    assert features is not None
    # all that it knows lies the other way
    bank = np.tile(-features, (60, 1))
    known = fit_familiarity(bank, bank[:20], ["0"] * 80, "other images")
    predict(room.room, Model(replace(model.bundle, familiarity=known)), jobs[1:])
    first, second = (room.view(reader, one).machine for one in ids)
    assert first is not None
    assert second is not None
    assert (first.out_of_distribution, first.out_of_distribution_limit) == (None, None)
    limit = pytest.approx(1 / 21)
    assert (second.out_of_distribution, second.out_of_distribution_limit) == (limit, limit)
    assert [one.reason for one in second.warnings] == ["out-of-distribution"]


def test_an_answer_is_stored_once(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    hand_in(room, reader, phantoms[0])
    late = take_all(room)
    with room.room.database.write() as connection:
        connection.execute(update(tables.job).values(lease_until=0.0))
    now = take_all(room)
    for jobs in (late, now, now):
        predict(room.room, model, jobs)
    assert room.count(tables.prediction) == 1
    assert room.count(tables.heatmap) == 3


@pytest.mark.parametrize("level", ["human-only", "shadow"])
def test_a_case_that_fell_is_answered_only_where_the_model_may_run(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path], level
) -> None:
    hand_in(room, reader, phantoms[0])
    jobs = take_all(room)
    room.set_level(level)
    predict(room.room, model, jobs)
    is_wanted = level == "shadow"
    assert room.count(tables.prediction) == int(is_wanted)
    assert tell_jobs(room) == [("predict", "done" if is_wanted else "failed")]


def test_a_case_that_falls_while_the_model_runs_is_left_alone(
    room: RoomByHand,
    reader: SignedIn,
    model: Model,
    phantoms: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (one,) = hand_in(room, reader, phantoms[0])
    really_predict, really_explain = Model.predict_many, Model.explain

    def predict_and_fall(self: Model, paths: object) -> object:
        found = really_predict(self, paths)  # type: ignore[arg-type]
        room.set_level("human-only")
        return found

    def explain_and_fall(self: Model, path: object, method: str, target: str) -> object:
        found = really_explain(self, path, method, target)  # type: ignore[arg-type]
        room.set_level("human-only")
        return found

    monkeypatch.setattr(Model, "predict_many", predict_and_fall)
    monkeypatch.setattr(Model, "explain", explain_and_fall)
    predict(room.room, model, take_all(room))
    with room.room.database.write() as connection:
        enqueue(connection, "explain", one, "gradcam/covid")
    explain(room.room, model, take_all(room)[0])
    assert (room.count(tables.prediction), room.count(tables.heatmap)) == (0, 0)
    # Ended, not held: else their process would be taken for one that hangs.
    assert tell_jobs(room) == [("predict", "failed"), ("explain", "failed")]


def test_a_map_that_came_with_the_answer_may_be_asked_for(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    (one,) = hand_in(room, reader, phantoms[0])
    predict(room.room, model, take_all(room))
    with room.room.database.write() as connection:
        for method in ("cam", "gradcam", "gradcam"):
            enqueue(connection, "explain", one, f"{method}/covid")
    for job in take_all(room):
        explain(room.room, model, job)
    assert tell_jobs(room) == [("predict", "done"), ("explain", "done"), ("explain", "done")]
    machine = room.view(reader, one).machine
    assert machine is not None
    methods = sorted((told.method, told.class_name) for told in machine.maps)
    assert methods == [("cam", "covid"), ("cam", "normal"), ("cam", "pneumonia"),
                       ("gradcam", "covid")]  # fmt: skip


def test_a_map_that_cannot_be_made_fails_alone(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    (one,) = hand_in(room, reader, phantoms[0])
    predict(room.room, model, take_all(room))
    with room.room.database.write() as connection:
        enqueue(connection, "explain", one, "no such method/covid")
    explain(room.room, model, take_all(room)[0])
    assert tell_jobs(room)[1] == ("explain", "failed")


def test_an_erased_patient_is_not_answered_for(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    (one,) = hand_in(room, reader, phantoms[0], patient_id="P-1")
    jobs = take_all(room)
    erase_patient(room.room, str(room.find(one).pseudonym), SYSTEM)
    predict(room.room, model, jobs)
    assert (room.count(tables.prediction), room.count(tables.heatmap)) == (0, 0)


def test_an_image_that_the_model_cannot_use_is_told(
    room: RoomByHand, reader: SignedIn, model: Model, phantoms: list[Path]
) -> None:
    good, bad = hand_in(room, reader, *phantoms[:2])
    room.room.places.original(bad).write_bytes(b"\x89PNG\r\n\x1a\n")
    predict(room.room, model, take_all(room))
    assert room.view(reader, good).machine is not None
    note = str(room.view(reader, bad).machine_note)
    assert note.startswith("failed: the model cannot use the image (")
    assert str(room.room.places.folder) not in note


def test_what_ended_its_process_too_often_is_given_up(
    room: RoomByHand, reader: SignedIn, phantoms: list[Path]
) -> None:
    (one,) = hand_in(room, reader, phantoms[0])
    (job,) = take_all(room)
    give_up(room.room, replace(job, attempts=99))  # not the one that holds it
    assert room.view(reader, one).machine_note == "pending"
    give_up(room.room, job)
    assert str(room.view(reader, one).machine_note).startswith("failed: it failed")


def test_priority_is_how_likely_something_is_to_be_seen(model: Model, phantoms: list[Path]) -> None:
    answer = model.predict(phantoms[0])
    shares = dict(zip(answer.classes, answer.deciding, strict=True))
    assert measure_priority(answer, "normal") == pytest.approx(1 - shares["normal"])
    assert measure_priority(answer, None) == 0.0
    several = replace(answer, is_multilabel=True)
    assert measure_priority(several, None) == pytest.approx(max(shares.values()))


@pytest.mark.parametrize(
    ("classes", "is_multilabel", "normal"),
    [
        (("covid", "Normal", "x"), False, "Normal"),
        (("a", "b"), False, "a"),
        (("a", "b"), True, None),
        (("a", "No Finding"), True, "No Finding"),
        (("a", "b", "c"), False, None),
        (("normal", "healthy", "x"), False, None),
    ],
)
def test_the_class_of_nothing_to_see(
    classes: tuple[str, ...], is_multilabel: bool, normal: str | None
) -> None:
    assert name_normal(classes, is_multilabel=is_multilabel) == normal


@pytest.mark.slow
def test_another_process_tells_the_same_of_a_model(model: Model, room_bundle: Path) -> None:
    assert describe_bundle(room_bundle) == tell_facts(model)


def test_every_method_that_is_offered_can_be_asked_for(model: Model, phantoms: list[Path]) -> None:
    assert METHODS[0] == "cam"
    for method in set(METHODS) - {"lime", "occlusion"}:
        assert model.explain(phantoms[0], method, "covid").method == method
