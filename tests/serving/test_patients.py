"""An erased patient leaves no trace in the room's folder.

SPDX-License-Identifier: Apache-2.0
"""

import random
from pathlib import Path

import pytest

from cxrlens.client.messages import ReferenceAnswer
from cxrlens.serving import tables
from cxrlens.serving.patients import erase_by_id, erase_case, erase_patient, find_pseudonym
from cxrlens.serving.people import SignedIn
from cxrlens.serving.readings import list_readings, set_reference
from cxrlens.serving.trail import SYSTEM
from cxrlens.serving.verifying import verify

from .room_by_hand import RoomByHand


@pytest.fixture
def reader(hand: RoomByHand) -> SignedIn:
    return hand.add_person("Reader", "lead")


def find_traces(hand: RoomByHand, *words: str) -> list[str]:
    """Search every byte of the room's folder."""
    found = []
    for path in hand.room.places.folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        found += [f"{word} in {path.name}" for word in words if word.encode() in data]
    return found


def erase(hand: RoomByHand, pseudonym: str) -> list[str]:
    erased = erase_patient(hand.room, pseudonym, SYSTEM)
    assert erased is not None
    return erased


def test_an_erased_patient_is_nowhere(
    hand: RoomByHand, reader: SignedIn, make_dicom, phantoms: list[Path]
) -> None:
    told = {"PatientID": "ZEBRA-77", "PatientName": "Quagga^Anna"}
    hand.set_up(readers=2)
    lines = hand.receive(
        reader, make_dicom(0, **told), make_dicom(1, **told)[:-500], make_dicom(2, PatientID="P-2")
    )
    (drawn,) = hand.receive(reader, phantoms[3].read_bytes(), patient_id="ZEBRA-77")
    hand.check_all()
    ids = [str(line.id) for line in (*lines, drawn)]
    assert [hand.find(one).state for one in ids] == ["ready", "refused", "ready", "ready"]
    hand.add_answer(ids[0])
    hand.say(reader, ids[0], "commit", "covid", text="Frau Quagga hat es wieder")
    hand.say(reader, ids[0], "amend", "normal", text="nein", reason="Anna Quagga war es nicht")
    with hand.room.database.write() as connection:
        set_reference(
            connection, reader, ids[0],
            ReferenceAnswer(findings={"covid": True}, source="CT of Quagga"), hand.classes,
        )  # fmt: skip
    words = ("ZEBRA-77", "Quagga", "Frau ", "war es nicht")
    assert len(find_traces(hand, *words)) > 4  # the search finds what is there

    pseudonym = hand.find(ids[0]).pseudonym
    assert sorted(erase(hand, pseudonym)) == sorted([ids[0], ids[1], ids[3]])
    assert find_traces(hand, *words) == []
    assert find_traces(hand, "P-2") != []
    assert {name.split("/")[-1] for name in hand.list_files()} == {ids[2], f"{ids[2]}.gz"}
    with hand.room.database.read() as connection:
        assert verify(connection).fault is None
        kept = list_readings(connection, ids[0])
    assert [(one.kind, one.text, one.reason) for one in kept] == [
        ("final", "", None), ("amendment", "", ""),
    ]  # fmt: skip
    assert hand.count(tables.prediction) == 0
    assert hand.count(tables.heatmap) == 0
    assert erase_patient(hand.room, pseudonym, SYSTEM) is None


def test_an_image_of_an_erased_patient_is_taken_anew(
    hand: RoomByHand, reader: SignedIn, phantoms: list[Path]
) -> None:
    data = phantoms[0].read_bytes()
    (before,) = hand.receive(reader, data, patient_id="P-1")
    pseudonym = hand.find(str(before.id)).pseudonym
    erase(hand, pseudonym)
    (after,) = hand.receive(reader, data, patient_id="P-1")
    assert after.status == "accepted"
    assert after.id != before.id
    assert hand.find(str(after.id)).pseudonym != pseudonym


def test_no_trace_is_left_in_free_pages(hand: RoomByHand, reader: SignedIn) -> None:
    chance = random.Random(3)  # noqa: S311 - nothing is secret
    names = [f"PATIENT-{number:04d}-{chance.random()}" for number in range(400)]
    pseudonyms = {}
    for start in range(0, 400, 50):
        with hand.room.database.write() as connection:
            for name in names[start : start + 50]:
                pseudonyms[name] = str(find_pseudonym(connection, name, f"Name of {name}"))
    gone = chance.sample(names, 25)
    for name in gone:
        erase(hand, pseudonyms[name])
    assert find_traces(hand, *gone) == []
    assert len(find_traces(hand, *(set(names) - set(gone)))) >= 375


def test_one_id_is_one_pseudonym_and_nothing_leads_back(hand: RoomByHand) -> None:
    with hand.room.database.write() as connection:
        first = find_pseudonym(connection, "P-1")
        assert find_pseudonym(connection, " P-1 ", "Doe") == first
        assert find_pseudonym(connection, "P-2") != first
        assert find_pseudonym(connection, "") is None
        assert find_pseudonym(connection, "   ", "Doe") is None
        assert connection.execute(
            tables.patient.select().where(tables.patient.c.pseudonym == first)
        ).one().name == "Doe"  # fmt: skip


def test_one_case_is_erased_and_the_patient_stays(
    hand: RoomByHand, reader: SignedIn, make_dicom
) -> None:
    told = {"PatientID": "ZEBRA-77", "PatientName": "Quagga^Anna"}
    lines = hand.receive(reader, make_dicom(0, **told), make_dicom(1, **told)[:-500])
    hand.check_all()
    read, refused = (str(one.id) for one in lines)
    hand.add_answer(read)
    hand.say(reader, read, "commit", "covid", text="Frau Quagga hat es wieder")
    for _ in range(2):
        assert erase_case(hand.room, read, SYSTEM)
    assert (hand.find(read).state, hand.find(read).pseudonym) == ("erased", None)
    assert hand.count(tables.prediction) == hand.count(tables.words) == 0
    assert find_traces(hand, "Frau ") == []
    assert find_traces(hand, "ZEBRA-77") != []  # the other image is still theirs
    assert {name.split("/")[-1] for name in hand.list_files()} == {refused}
    assert erase_case(hand.room, refused, SYSTEM)
    assert find_traces(hand, "ZEBRA-77", "Quagga") == []
    assert hand.list_files() == set()
    assert not erase_case(hand.room, "0" * 32, SYSTEM)
    with hand.room.database.read() as connection:
        assert verify(connection).fault is None
        told = connection.execute(
            tables.trail.select().where(tables.trail.c.action == "case-erased")
        ).all()
    assert [(row.subject, row.details) for row in told] == [
        (one, {"cases": [one]}) for one in (read, refused)
    ]


def test_an_image_of_nobody_can_be_erased(
    hand: RoomByHand, reader: SignedIn, phantoms: list[Path]
) -> None:
    (line,) = hand.receive(reader, phantoms[0].read_bytes())
    assert erase_case(hand.room, str(line.id), SYSTEM)
    hand.check_all()
    assert hand.find(str(line.id)).state == "erased"
    assert hand.list_files() == set()


def test_whoever_has_an_id_is_erased(hand: RoomByHand, reader: SignedIn, make_dicom) -> None:
    files = [
        make_dicom(number, PatientID="ZEBRA-77", PatientName=name)
        for number, name in enumerate(("Quagga^Anna", "Okapi^Eve"))
    ]
    lines = hand.receive(reader, *files, make_dicom(2))
    hand.check_all()
    erased = erase_by_id(hand.room, " ZEBRA-77 ", SYSTEM)
    assert erased is not None
    assert sorted(erased) == sorted(str(line.id) for line in lines[:2])
    assert find_traces(hand, "ZEBRA-77", "Quagga", "Okapi") == []
    assert find_traces(hand, "PAT-2") != []
    assert erase_by_id(hand.room, "ZEBRA-77", SYSTEM) is None


def test_one_id_and_two_names_are_two_patients(
    hand: RoomByHand, reader: SignedIn, make_dicom
) -> None:
    names = ("Doe^Anna", "DOE ANNA", "Roe^Bob", "")
    files = [make_dicom(n, PatientID="P-1", PatientName=name) for n, name in enumerate(names)]
    ids = [str(line.id) for line in hand.receive(reader, *files)]
    hand.check_all()
    anna, again, bob, nameless = (hand.find(one) for one in ids)
    assert anna.pseudonym == again.pseudonym
    assert len({anna.pseudonym, bob.pseudonym, nameless.pseudonym}) == 3
    warned = [[one["reason"] for one in row.warnings] for row in (anna, again, bob, nameless)]
    assert [one.count("patient-name-differs") for one in warned] == [0, 0, 1, 1]
    told = next(one for one in bob.warnings if one["reason"] == "patient-name-differs")["message"]
    assert not any(word in told for word in ("Doe", "Roe", "Bob", "P-1"))
    assert [one.id for one in hand.view(reader, ids[0]).earlier] == [ids[1]]
    assert hand.view(reader, ids[2]).earlier == ()


@pytest.mark.parametrize("word", ["0", "ANON", "Anonymous", " unknown ", "None", "N/A", "test"])
def test_words_for_nobody_are_no_id(hand: RoomByHand, word: str) -> None:
    with hand.room.database.write() as connection:
        assert find_pseudonym(connection, word, "Doe") is None


def test_a_file_of_nobody_stays_whose_the_sender_says(
    hand: RoomByHand, reader: SignedIn, make_dicom
) -> None:
    (line,) = hand.receive(reader, make_dicom(0, PatientID="ANON"), patient_id="P-1")
    hand.check_all()
    assert hand.view(reader, str(line.id)).line.patient == "P-1"
