import csv
import io
from contextlib import AbstractContextManager

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, insert, select

from cxrlens.client import answer
from cxrlens.client.messages import ReferenceAnswer
from cxrlens.serving.clock import tell_time
from cxrlens.serving.outcome_files import COLUMNS, write_csv, write_parquet
from cxrlens.serving.outcomes import Record, gather, judge, list_records
from cxrlens.serving.patients import erase_patient, find_pseudonym
from cxrlens.serving.people import SignedIn, add_person
from cxrlens.serving.readings import Classes, Said, open_case, record, set_reference
from cxrlens.serving.room import (
    ClassSet,
    begin_serving,
    open_room,
    read_state,
    set_level,
    set_settings,
)
from cxrlens.serving.tables import case, prediction, reference
from cxrlens.serving.tables import room as room_table
from cxrlens.serving.trail import PREDICTED, SYSTEM, append, digest_answer
from cxrlens.serving.verifying import verify
from cxrlens.vocabulary import NOT_A_DEVICE, InputError

CLASSES = Classes(["normal", "pneumonia"], is_multilabel=False)
BUNDLE = "b" * 64


class Place:
    """A room, one reader, and as many cases as a test wants."""

    def __init__(self, folder) -> None:
        self.room = open_room(folder / "room")
        begin_serving(self.room, BUNDLE)
        with self.room.database.write() as connection:
            person = add_person(connection, "Ana", "lead", "system")
        self.reader = SignedIn(person.id, person.name, "lead")

    def write(self) -> AbstractContextManager[Connection]:
        return self.room.database.write()

    def set_level(self, level: str) -> None:
        with self.write() as connection:
            set_level(connection, level, "a test", self.reader.id)

    def add_case(self, number: int, patient: str, machine: float | None, level: str) -> str:
        """A case that the machine gives this probability of pneumonia."""
        made = f"{number:032x}"
        with self.write() as connection:
            connection.execute(
                insert(case).values(
                    id=made, digest=made, pseudonym=find_pseudonym(connection, patient),
                    received_at=tell_time(), received_by=self.reader.id, n_bytes=1, level=level,
                    state="ready", height=9, width=9, bits=8,
                )
            )  # fmt: skip
            if machine is not None:
                classes = [
                    {"name": "normal", "probability": 1 - machine, "is_decided": machine < 0.5},
                    {"name": "pneumonia", "probability": machine, "is_decided": machine >= 0.5},
                ]
                values = {
                    "case_id": made, "bundle": BUNDLE, "engine": "test", "priority": machine,
                    "answer": {"decision": "", "classes": classes}, "made_at": tell_time(),
                }  # fmt: skip
                connection.execute(insert(prediction).values(**values))
                told = {"bundle": BUNDLE, "answer": digest_answer(values)}
                append(connection, SYSTEM, PREDICTED, made, told)
        return made

    def say(self, case_id: str, action: str, present: str, *, shown: bool) -> None:
        with self.write() as connection:
            open_case(connection, self.reader, case_id, shows=shown)
            said = Said(
                self.reader, case_id, action, answer(CLASSES.names, [present]),
                "another look" if action == "amend" else None,
            )  # fmt: skip
            record(connection, said, CLASSES)


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def read(place: Place) -> list[Record]:
    with place.room.database.read() as connection:
        return list_records(connection)


def test_a_reading_in_shadow_is_unaided(place) -> None:
    place.set_level("shadow")
    made = place.add_case(1, "A", 0.9, "shadow")
    place.say(made, "commit", "normal", shown=False)
    (one,) = read(place)
    assert (one.level, one.bundle, one.shown, one.first) == ("shadow", BUNDLE, False, None)
    readings = gather([one], CLASSES.names)
    assert readings.unaided.tolist() == [[1.0, 0.0]]
    assert readings.machine.tolist() == [[0.0, 1.0]]


def test_an_amendment_after_the_machine_was_shown_is_a_switch(place) -> None:
    place.set_level("shadow")
    made = place.add_case(1, "A", 0.9, "shadow")
    place.say(made, "commit", "normal", shown=False)
    place.say(made, "amend", "pneumonia", shown=True)
    (one,) = read(place)
    assert one.shown
    assert one.n_amendments == 1
    assert one.first is not None
    assert one.first["normal"] == (True, 3)
    assert one.final["pneumonia"] == (True, 3)
    # What the reader thought without the machine is what agreement counts.
    assert gather([one], CLASSES.names).unaided.tolist() == [[1.0, 0.0]]


def test_an_amendment_without_the_machine_replaces_the_word(place) -> None:
    made = place.add_case(1, "A", None, "human-only")
    place.say(made, "commit", "normal", shown=False)
    place.say(made, "amend", "pneumonia", shown=False)
    (one,) = read(place)
    assert (one.first, one.bundle, one.shown) == (None, None, False)
    assert gather([one], CLASSES.names).unaided.tolist() == [[0.0, 1.0]]
    assert np.isnan(gather([one], CLASSES.names).machine).all()


def test_first_answers_and_reference_are_told(place) -> None:
    place.set_level("assistance")
    with place.write() as connection:
        connection.execute(room_table.update().values(asks_first=True))
    made = place.add_case(1, "A", 0.9, "assistance")
    place.say(made, "first-answer", "normal", shown=False)
    place.say(made, "commit", "pneumonia", shown=True)
    with place.write() as connection:
        set_reference(
            connection, place.reader, made,
            ReferenceAnswer(findings={"pneumonia": True}, source="CT"), CLASSES,
        )  # fmt: skip
    (one,) = read(place)
    assert one.first is not None
    assert one.first["pneumonia"] == (False, 3)
    assert one.reference == {"pneumonia": True}
    with place.room.database.read() as connection:
        (part,) = judge(connection, CLASSES.names)
    assert (part["level"], part["bundle"]) == ("assistance", BUNDLE)
    pneumonia = part["facts"]["outcome"]["per_class"][1]
    assert pneumonia["class_name"] == "pneumonia"
    assert pneumonia["switches"]["n_shown"] == 1 if "n_shown" in pneumonia["switches"] else True


def test_levels_and_models_are_never_pooled(place) -> None:
    place.set_level("assistance")
    for number in range(6):
        level = ("shadow", "assistance", "human-only")[number % 3]
        machine = None if level == "human-only" else 0.9
        made = place.add_case(number + 1, f"P{number}", machine, level)
        place.say(made, "commit", "pneumonia", shown=level == "assistance")
    with place.room.database.read() as connection:
        parts = judge(connection, CLASSES.names)
    found = {
        (part["level"], part["bundle"]): part["facts"]["outcome"]["n_readings"] for part in parts
    }
    assert found == {("shadow", BUNDLE): 2, ("assistance", BUNDLE): 2, ("human-only", None): 2}


def test_images_of_one_patient_are_one_cluster_and_unknown_ones_are_not(place) -> None:
    for number, patient in enumerate(["A", "A", "", ""]):
        place.say(
            place.add_case(number + 1, patient, None, "human-only"), "commit", "normal", shown=False
        )
    assert gather(read(place), CLASSES.names).clusters.tolist() == [0, 0, 1, 2]


def test_an_erased_patient_is_left_out_and_the_trail_stays_whole(place) -> None:
    for number, patient in enumerate(["A", "B"]):
        place.say(
            place.add_case(number + 1, patient, None, "human-only"), "commit", "normal", shown=False
        )
    with place.write() as connection:
        pseudonym = find_pseudonym(connection, "A")
    assert pseudonym is not None
    assert erase_patient(place.room, pseudonym, place.reader.id)
    assert [one.number for one in read(place)] == [2]
    with place.room.database.read() as connection:
        assert verify(connection).fault is None
        assert (
            connection.execute(select(case.c.state).where(case.c.number == 1)).scalar() == "erased"
        )


def test_tables_say_the_same_and_hold_no_formula(place) -> None:
    with place.write() as connection:
        person = add_person(connection, "=cmd()", "reader", "system")
    place.reader = SignedIn(person.id, person.name, "reader")
    made = place.add_case(1, "A", 0.75, "shadow")
    place.say(made, "commit", "pneumonia", shown=False)
    records = read(place)
    rows = list(csv.DictReader(io.StringIO(write_csv(records, CLASSES.names).decode())))
    table = pq.read_table(io.BytesIO(write_parquet(records, CLASSES.names)))
    assert table.schema.equals(COLUMNS)
    assert [row["class"] for row in rows] == list(CLASSES.names) == table["class"].to_pylist()
    assert {row["reader"] for row in rows} == {"'=cmd()"}
    assert set(table["reader"].to_pylist()) == {"=cmd()"}
    assert [row["machine_probability"] for row in rows] == ["0.25", "0.75"]
    assert [row["final"] for row in rows] == ["0", "1"]
    assert [row["reference"] for row in rows] == ["", ""]
    assert {row["notice"] for row in rows} == {NOT_A_DEVICE}


def test_who_saw_the_machine_gave_no_answer_without_it(place) -> None:
    place.set_level("assistance")
    made = place.add_case(1, "A", 0.9, "assistance")
    with place.write() as connection:
        open_case(connection, place.reader, made, shows=True)
        # From now on first answers are asked for, but not of who has seen the machine.
        settings = read_state(connection).settings.model_copy(update={"asks_first": True})
        set_settings(connection, settings, place.reader.id)
    place.say(made, "commit", "normal", shown=True)
    (one,) = read(place)
    assert (one.first, one.shown) == (None, True)
    assert np.isnan(gather([one], CLASSES.names).unaided).all()


@pytest.mark.parametrize("fallen", ["shadow", "human-only"])
def test_what_stood_in_the_worklist_was_seen_whatever_the_level_fell_to(place, fallen) -> None:
    place.set_level("assistance")
    made = place.add_case(1, "A", 0.9, "assistance")
    place.set_level(fallen)
    place.say(made, "commit", "normal", shown=False)
    (one,) = read(place)
    assert (one.level, one.shown) == ("assistance", True)


def test_a_reader_is_credited_to_the_model_that_they_saw(place) -> None:
    place.set_level("assistance")
    made = place.add_case(1, "A", 0.9, "assistance")
    with place.write() as connection:
        open_case(connection, place.reader, made, shows=True)
    begin_serving(place.room, "c" * 64)
    place.say(made, "commit", "pneumonia", shown=False)
    (one,) = read(place)
    assert (one.bundle, one.shown) == (BUNDLE, True)


def test_a_lead_who_may_still_read_a_case_is_told_nothing_of_it(place) -> None:
    place.set_level("shadow")
    with place.write() as connection:
        other = add_person(connection, "Lea", "lead", "system")
        settings = read_state(connection).settings.model_copy(update={"readers_per_case": 2})
        set_settings(connection, settings, place.reader.id)
    made = place.add_case(1, "A", 0.9, "shadow")
    place.say(made, "commit", "normal", shown=False)
    with place.room.database.read() as connection:
        assert list_records(connection, other.id) == []
        assert len(list_records(connection, place.reader.id)) == 1
        assert len(list_records(connection)) == 1


def test_a_model_of_other_classes_is_refused(place) -> None:
    ours = ClassSet(("normal", "pneumonia"), is_multilabel=False)
    begin_serving(place.room, "c" * 64, ours)
    begin_serving(place.room, "d" * 64, ours)
    with pytest.raises(InputError, match=r"reads normal, pneumonia .* answers normal, covid"):
        begin_serving(place.room, "e" * 64, ClassSet(("normal", "covid"), is_multilabel=False))


def test_an_answer_of_the_model_that_was_edited_is_found(place) -> None:
    place.set_level("shadow")
    place.add_case(1, "A", 0.9, "shadow")
    with place.room.database.read() as connection:
        assert verify(connection).fault is None
    with place.write() as connection:
        connection.execute(prediction.update().values(priority=0.1))
        assert "answer 1 of the model" in str(verify(connection).fault)


def test_a_reference_that_was_edited_is_found(place) -> None:
    made = place.add_case(1, "A", None, "human-only")
    with place.write() as connection:
        told = ReferenceAnswer(findings={"pneumonia": True}, source="CT")
        set_reference(connection, place.reader, made, told, CLASSES)
        assert verify(connection).fault is None
        connection.execute(reference.update().values(is_present=False))
        assert "what is true of case" in str(verify(connection).fault)
