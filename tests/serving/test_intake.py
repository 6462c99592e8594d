"""What is handed in becomes cases, once, whatever it is called and whatever it is.

SPDX-License-Identifier: Apache-2.0
"""

import io
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from cxrlens.serving import disk, intake, tables
from cxrlens.serving.database import OutOfSpace
from cxrlens.serving.intake import sweep
from cxrlens.serving.people import SignedIn

from .room_by_hand import RoomByHand


@pytest.fixture
def sender(hand: RoomByHand) -> SignedIn:
    return hand.add_person("Sender")


def as_kind(path: Path, kind: str) -> bytes:
    made = io.BytesIO()
    Image.open(path).convert("L").save(made, kind)
    return made.getvalue()


def pack(*members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        for number, data in enumerate(members):
            zipped.writestr(f"../{number}", data)
    return made.getvalue()


def test_every_kind_that_is_read_is_taken(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path], make_dicom
) -> None:
    files = [as_kind(phantoms[n], kind) for n, kind in enumerate(("PNG", "JPEG", "TIFF"))]
    lines = hand.receive(sender, *files, make_dicom(3), pack(as_kind(phantoms[4], "PNG")))
    assert [(line.index, line.status) for line in lines] == [(n, "accepted") for n in range(5)]
    for line, data in zip(lines, files, strict=False):
        assert hand.room.places.original(str(line.id)).read_bytes() == data
    hand.check_all()
    assert [hand.find(str(line.id)).state for line in lines] == ["ready"] * 5
    numbers = [hand.find(str(line.id)).number for line in lines]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>", "unknown-format"),
        (b"%PDF-1.4 x", "unknown-format"),
        (b"GIF89a...", "unsupported-format"),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "unsupported-format"),
        (bytes(100), "unknown-format"),
        (pack(pack(b"x")), "unknown-format"),
        (pack(b""), "empty"),
    ],
)
def test_what_is_no_image_is_turned_away_at_the_door(
    hand: RoomByHand, sender: SignedIn, data: bytes, reason: str
) -> None:
    (line,) = hand.receive(sender, data)
    assert (line.status, line.id, line.reason) == ("refused", None, reason)
    assert hand.count(tables.case) == 0
    assert hand.list_files() == set()


def test_an_image_that_is_too_large_is_turned_away(
    hand: RoomByHand, sender: SignedIn, monkeypatch: pytest.MonkeyPatch, phantoms: list[Path]
) -> None:
    monkeypatch.setattr(intake, "MOST_BYTES", 1000)
    (line,) = hand.receive(sender, phantoms[0].read_bytes())
    assert (line.status, line.reason) == ("refused", "too-large")
    assert hand.list_files() == set()


def test_images_leave_the_last_of_the_disk_free(
    hand: RoomByHand, sender: SignedIn, monkeypatch: pytest.MonkeyPatch, phantoms: list[Path]
) -> None:
    (first,) = hand.receive(sender, phantoms[0].read_bytes())
    monkeypatch.setattr(disk, "LEAST_FREE_BYTES", shutil.disk_usage(hand.room.places.folder).total)
    with pytest.raises(OutOfSpace, match="stay free"):
        hand.receive(sender, pack(phantoms[1].read_bytes()))
    assert hand.list_files() == {f"originals/{str(first.id)[:2]}/{first.id}"}
    assert hand.count(tables.case) == 1


def test_the_same_bytes_are_one_case(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    data = phantoms[0].read_bytes()
    (first,) = hand.receive(sender, data)
    again = hand.receive(sender, data, pack(data))
    assert [(line.status, line.id) for line in again] == [("known", first.id)] * 2
    assert hand.count(tables.case) == hand.count(tables.job) == 1
    assert len(hand.list_files()) == 1


def test_known_bytes_for_another_patient_are_told(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    data, nobodys = phantoms[0].read_bytes(), phantoms[1].read_bytes()
    hand.receive(sender, data, patient_id="ZEBRA-1")
    hand.receive(sender, nobodys)
    for told in ("", " ZEBRA-1 ", "ANON"):
        (same,) = hand.receive(sender, data, patient_id=told)
        assert (same.status, same.reason, same.message) == ("known", None, None)
    for one in (data, nobodys):
        (other,) = hand.receive(sender, one, patient_id="OKAPI-2")
        assert (other.status, other.reason) == ("known", "other-patient")
        assert "patient ID" in str(other.message)
        assert "ZEBRA" not in str(other.message)
    assert hand.count(tables.case) == 2


def test_others_are_taken_though_one_is_refused(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    lines = hand.receive(sender, b"<html>", phantoms[0].read_bytes(), b"")
    assert [line.status for line in lines] == ["refused", "accepted", "refused"]
    assert [line.index for line in lines] == [0, 1, 2]


def test_patients_without_an_id_are_never_one(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path], make_dicom
) -> None:
    files = [phantoms[0].read_bytes(), make_dicom(1, PatientID=""), make_dicom(2, PatientID="  ")]
    lines = hand.receive(sender, *files)
    hand.check_all()
    assert [hand.find(str(line.id)).pseudonym for line in lines] == [None] * 3
    assert all(hand.view(sender, str(line.id)).earlier == () for line in lines)
    assert hand.view(sender, str(lines[1].id)).line.patient == "unknown"


def test_the_file_says_whose_it_is_before_the_sender_does(
    hand: RoomByHand, sender: SignedIn, make_dicom, phantoms: list[Path]
) -> None:
    (drawn,) = hand.receive(sender, phantoms[0].read_bytes(), patient_id=" P-7 ")
    (sent,) = hand.receive(sender, make_dicom(1, PatientID="P-8"), patient_id="typed wrong")
    (other,) = hand.receive(sender, make_dicom(2, PatientID="P-7", PatientName="Roe"))
    hand.check_all()
    told = [hand.view(sender, str(one.id)).line.patient for one in (drawn, sent, other)]
    assert told == ["P-7", "P-8", "P-7"]
    assert [one.id for one in hand.view(sender, str(drawn.id)).earlier] == [other.id]
    with hand.room.database.read() as connection:
        names = connection.execute(select(tables.patient.c.patient_id, tables.patient.c.name))
        assert dict(map(tuple, names)) == {"P-7": "Roe", "P-8": "Doe^Number1"}


def test_ids_and_names_of_files_are_random(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    (line,) = hand.receive(sender, phantoms[0].read_bytes())
    assert re.fullmatch("[0-9a-f]{32}", str(line.id))
    assert hand.list_files() == {f"originals/{str(line.id)[:2]}/{line.id}"}


def test_what_became_no_case_is_swept_away(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    (line,) = hand.receive(sender, phantoms[0].read_bytes())
    (refused,) = hand.receive(sender, as_kind(phantoms[0], "PNG")[:3000])
    hand.check_all()
    kept = hand.list_files()
    for place in (
        hand.room.places.original("0" * 32),
        hand.room.places.pixels("0" * 32),
        hand.room.places.pixels(str(refused.id)),
        hand.room.places.pixels(str(line.id)).with_name(".0123.part"),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"left")
    assert sweep(hand.room) == 4
    assert hand.list_files() == kept


def test_a_case_that_could_not_be_recorded_leaves_no_file(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    with hand.room.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE job")
    with pytest.raises(Exception, match="job"):
        hand.receive(sender, phantoms[0].read_bytes())
    assert hand.list_files() == set()


def test_a_16_bit_image_keeps_its_greys(hand: RoomByHand, sender: SignedIn, phantoms) -> None:
    deep = np.asarray(Image.open(phantoms[0]).convert("L")).astype(np.uint16) * 200 + 13
    made = io.BytesIO()
    Image.fromarray(deep).save(made, "PNG")
    (line,) = hand.receive(sender, made.getvalue())
    hand.check_all()
    row = hand.find(str(line.id))
    assert (row.state, row.bits, row.height, row.width) == ("ready", 16, *deep.shape)
