"""The file check reads an image or says why not, and names no place of ours.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_charset_files
from sqlalchemy import select

from cxrlens.imaging import Radiograph, read_radiograph
from cxrlens.serving import tables
from cxrlens.serving.checking import check, give_up, show_pixels
from cxrlens.serving.jobs import CHECKS, MOST_ATTEMPTS, take
from cxrlens.serving.patients import erase_patient
from cxrlens.serving.people import SignedIn
from cxrlens.serving.trail import SYSTEM

from .room_by_hand import RoomByHand


@pytest.fixture
def sender(hand: RoomByHand) -> SignedIn:
    return hand.add_person("Sender")


def hand_in(hand: RoomByHand, sender: SignedIn, *files: bytes) -> list[str]:
    ids = [str(line.id) for line in hand.receive(sender, *files)]
    hand.check_all()
    return ids


def test_pixels_are_those_that_are_displayed(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    (one,) = hand_in(hand, sender, phantoms[0].read_bytes())
    row = hand.find(one)
    expected = read_radiograph(phantoms[0]).pixels
    found = np.frombuffer(gzip.decompress(hand.room.places.pixels(one).read_bytes()), np.uint8)
    assert (row.bits, row.height, row.width) == (8, *expected.shape)
    assert np.abs(found.reshape(expected.shape) / 255 - expected).max() < 1e-6
    assert hand.count(tables.job) == 2  # the model is asked next


@pytest.mark.parametrize("steps", [1, 255, 4095, 65535])
def test_no_grey_is_lost(steps: int) -> None:
    pixels = (np.arange(4800).reshape(60, 80) % (steps + 1) / steps).astype(np.float32)
    shown = show_pixels(Radiograph(pixels, "PA", None, "0" * 64, 1))
    kind, top = {8: (np.uint8, 255), 16: (np.dtype("<u2"), 65535)}[shown.bits]
    found = np.frombuffer(shown.data, kind).reshape(60, 80) / top
    assert shown.bits == (8 if steps <= 255 else 16)
    assert np.abs(found - pixels).max() <= 0.5 / 65535 + 1e-6


def test_in_human_only_no_model_is_asked(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    hand.set_level("human-only")
    hand_in(hand, sender, phantoms[0].read_bytes())
    with hand.room.database.read() as connection:
        assert list(connection.execute(select(tables.job.c.kind)).scalars()) == ["check"]


def damaged(phantom: Path) -> dict[str, bytes]:
    data = phantom.read_bytes()
    tiny = io.BytesIO()
    Image.new("L", (20, 20)).save(tiny, "PNG")
    huge = bytearray(data)
    huge[16:24] = (20000).to_bytes(4, "big") * 2
    return {
        "half": data[: len(data) // 2],
        "head": data[:40],
        "tiny": tiny.getvalue(),
        "huge": bytes(huge),
        "jpeg": b"\xff\xd8\xff" + bytes(500),
        "tiff": b"II*\x00" + bytes(500),
        "dicom": bytes(128) + b"DICM" + bytes(500),
    }


def test_refusals_name_no_place_of_ours(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path], make_dicom
) -> None:
    dicom = make_dicom(0)
    files = {
        **damaged(phantoms[0]),
        "truncated": dicom[:-1000],
        "no pixels": dicom[:400],
        "CT": make_dicom(1, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"),
        "frames": make_dicom(2, NumberOfFrames=3),
        "rows": make_dicom(3, Rows=0),
        "bits": make_dicom(4, BitsAllocated=12),
    }
    for name, data in files.items():
        (one,) = hand_in(hand, sender, data)
        row = hand.find(one)
        assert (row.state, hand.room.places.pixels(one).exists()) == ("refused", False), name
        assert row.reason
        assert row.message
        for part in (str(hand.room.places.folder), one, "originals", "room0"):
            assert part not in row.message, (name, row.message)
        view = hand.view(sender, one)
        assert (view.may, view.pixels, view.message) == ((), None, row.message)


def test_the_same_uid_with_the_same_pixels_is_a_duplicate(
    hand: RoomByHand, sender: SignedIn, make_dicom
) -> None:
    ids = hand_in(hand, sender, make_dicom(0), make_dicom(0, StudyDescription="sent again"))
    rows = [hand.find(one) for one in ids]
    assert [row.state for row in rows] == ["ready", "duplicate"]
    assert rows[1].same_as == ids[0]
    assert not hand.room.places.pixels(ids[1]).exists()


def test_the_same_uid_with_other_pixels_is_held_back(
    hand: RoomByHand, sender: SignedIn, make_dicom
) -> None:
    ids = hand_in(
        hand, sender, make_dicom(0), make_dicom(1, SOPInstanceUID="1.2.826.0.1.3680043.8.498.1")
    )
    rows = [hand.find(one) for one in ids]
    assert [row.state for row in rows] == ["ready", "quarantined"]
    assert "SOP Instance UID" in rows[1].message
    # Its patient is known all the same, so that it goes when they are erased.
    assert rows[1].pseudonym is not None
    erase_patient(hand.room, rows[1].pseudonym, SYSTEM)
    assert hand.find(ids[1]).state == "erased"
    assert not hand.room.places.original(ids[1]).exists()


@pytest.mark.parametrize("uid", ["1." * 40 + "1", "../../etc/passwd", "1.2.x", "1..2", "²", "-1"])
def test_what_is_no_uid_is_refused(
    hand: RoomByHand, sender: SignedIn, make_dicom, uid: str
) -> None:
    (one,) = hand_in(hand, sender, make_dicom(0, SOPInstanceUID=uid))
    row = hand.find(one)
    assert (row.state, row.reason) == ("refused", "bad-uid")
    assert hand.view(sender, one).line.patient == "PAT-0"


def test_names_come_in_their_own_writing(hand: RoomByHand, sender: SignedIn, make_dicom) -> None:
    korean = pydicom.dcmread(get_charset_files("chrKoreanMulti.dcm")[0])
    (small,) = hand_in(hand, sender, Path(get_charset_files("chrKoreanMulti.dcm")[0]).read_bytes())
    assert hand.find(small).state == "refused"
    (one,) = hand_in(
        hand, sender,
        make_dicom(0, SpecificCharacterSet=korean.SpecificCharacterSet,
                   PatientName=korean.PatientName, PatientID="K-1"),
    )  # fmt: skip
    assert hand.find(one).state == "ready"
    with hand.room.database.read() as connection:
        names = connection.execute(
            select(tables.patient.c.name).where(tables.patient.c.patient_id == "K-1")
        )
        assert names.scalar_one() == "김희중"


def test_a_check_that_was_begun_too_often_is_given_up(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    (line,) = hand.receive(sender, phantoms[0].read_bytes())
    for _ in range(MOST_ATTEMPTS + 1):
        with hand.room.database.write() as connection:
            connection.execute(tables.job.update().values(state="queued"))
            (job,) = take(connection, CHECKS, 4)
    give_up(hand.room, job)
    row = hand.find(str(line.id))
    assert (row.state, row.reason) == ("refused", "unreadable")
    assert f"{MOST_ATTEMPTS} times" in row.message


def test_only_who_holds_the_job_stores_a_result(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    (line,) = hand.receive(sender, phantoms[0].read_bytes())
    with hand.room.database.write() as connection:
        (late,) = take(connection, CHECKS, 4)
        connection.execute(tables.job.update().values(state="queued"))
        (now,) = take(connection, CHECKS, 4)
    check(hand.room, late)
    assert hand.find(str(line.id)).state == "received"
    check(hand.room, now)
    assert hand.find(str(line.id)).state == "ready"
    check(hand.room, now)  # and once
    assert hand.count(tables.job) == 2


def test_a_patient_who_is_erased_during_the_check_leaves_no_file(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = hand.receive(sender, phantoms[0].read_bytes(), patient_id="P-1")
    with hand.room.database.write() as connection:
        (job,) = take(connection, CHECKS, 4)
    pseudonym = hand.find(str(line.id)).pseudonym

    def read_late(path: Path) -> Radiograph:
        found = read_radiograph(path)
        erase_patient(hand.room, pseudonym, SYSTEM)
        return found

    monkeypatch.setattr("cxrlens.serving.checking.read_radiograph", read_late)
    check(hand.room, job)
    assert hand.list_files() == set()
    assert hand.find(str(line.id)).state == "erased"


def test_the_same_pixels_in_other_bytes_are_known(
    hand: RoomByHand, sender: SignedIn, phantoms: list[Path]
) -> None:
    """Else whoever has read the one would know what the model says of the other."""
    data = phantoms[0].read_bytes()
    first, twin = hand_in(hand, sender, data, data + b"\x00")
    assert hand.find(first).state == "ready"
    assert (hand.find(twin).state, hand.find(twin).same_as) == ("duplicate", first)
