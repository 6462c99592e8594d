"""The file check: an image becomes readable, or is refused with its reason. No model is asked.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select, update

from cxrlens.imaging import (
    DicomHeader,
    Radiograph,
    read_dicom_header,
    read_head,
    read_radiograph,
    recognise,
    write_whole,
)
from cxrlens.serving.disk import minding_space
from cxrlens.serving.jobs import Job, enqueue, finish, is_held
from cxrlens.serving.patients import (
    NAME_DIFFERS,
    drop_unused,
    find_pseudonym,
    has_namesake,
    tidy_id,
)
from cxrlens.serving.places import Places
from cxrlens.serving.room import Room, read_state
from cxrlens.serving.tables import case
from cxrlens.serving.trail import SYSTEM, append
from cxrlens.vocabulary import ImageRefused, digest, show_name

_PACKING = 1
"""zlib's fastest level: pixels of radiographs hardly shrink further."""

_NAME_DIFFERS_TOLD = (
    "another image has the same patient ID and another patient name, or none: the two are kept "
    "apart; find out whose they are"
)

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")

_LONGEST_UID = 64
"""Characters of a UID (DICOM PS3.5, 9.1)."""


@dataclass(frozen=True)
class Checked:
    """An image that can be read."""

    radiograph: Radiograph
    """Its pixels."""

    header: DicomHeader | None
    """Of a DICOM file."""


@dataclass(frozen=True)
class ShownPixels:
    """An image as it is displayed."""

    data: bytes
    """Rows of unsigned numbers, little-endian; 0 is black."""

    bits: int
    """8 or 16."""


def check(room: Room, one: Job) -> None:
    """Do the file check of a case.

    Args:
        room: that the case is in.
        one: the job.

    Raises:
        OutOfSpace: if the disk is full; the job stays.
        OutputError: the same, where the pixels cannot be written.
    """
    path = room.places.original(one.case_id)
    header: DicomHeader | None = None
    try:
        header = _read_header(path)
        if one.attempts > 1:
            # It ended the process before, and may again: whose it is must be known to be erased.
            with room.database.write() as connection:
                if is_held(connection, one):
                    _name_patient(connection, one.case_id, header)
        _check_uid(header)
        found = Checked(read_radiograph(path), header)
    except ImageRefused as refused:
        with room.database.write() as connection:
            if is_held(connection, one):
                _name_patient(connection, one.case_id, header)
                _refuse(connection, one, refused.reason, _leave_out_path(str(refused), path))
        return
    shown = show_pixels(found.radiograph)
    place = room.places.pixels(one.case_id)
    with minding_space():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(place, gzip.compress(shown.data, _PACKING, mtime=0))
    with room.database.write() as connection:
        if is_held(connection, one):
            _name_patient(connection, one.case_id, header)
            _accept(connection, room.places, one, found, shown)
        elif _is_erased(connection, one.case_id):
            place.unlink(missing_ok=True)  # the patient was erased while we read


def give_up(room: Room, one: Job) -> None:
    """Refuse an image whose check ended the process again and again.

    Args:
        room: that the case is in.
        one: the job, begun too often.
    """
    with room.database.write() as connection:
        if is_held(connection, one):
            _refuse(
                connection, one, "unreadable",
                f"reading the image failed {one.attempts - 1} times without a reason: keep the "
                "file, and report it",
            )  # fmt: skip


def show_pixels(radiograph: Radiograph) -> ShownPixels:
    """Turn pixels into what a viewer is sent: 8 bits where that loses nothing, else 16."""
    pixels = radiograph.pixels
    small = np.rint(pixels * 255)
    if np.abs(pixels * 255 - small).max(initial=0) < 1e-3:
        return ShownPixels(small.astype(np.uint8).tobytes(), 8)
    return ShownPixels(np.rint(pixels * 65535).astype("<u2").tobytes(), 16)


def _read_header(path: Path) -> DicomHeader | None:
    """Read what a DICOM file says of itself; None of any other file."""
    is_dicom = recognise(read_head(path)).name == "DICOM"
    return read_dicom_header(path) if is_dicom else None


def _check_uid(header: DicomHeader | None) -> None:
    uid = "" if header is None else header.sop_uid or ""
    if uid and (len(uid) > _LONGEST_UID or not _UID.fullmatch(uid)):
        raise ImageRefused(
            "bad-uid",
            f"the SOP Instance UID {uid[:80]!r} is none: numbers between dots, {_LONGEST_UID} "
            "characters at most; have the sender mend it",
        )


def _is_erased(connection: Connection, case_id: str) -> bool:
    state = connection.execute(select(case.c.state).where(case.c.id == case_id)).scalar_one()
    return bool(state == "erased")


def _accept(
    connection: Connection, places: Places, one: Job, found: Checked, shown: ShownPixels
) -> None:
    pixel_digest = digest(shown.data)
    uid = found.header.sop_uid if found.header else None
    radiograph = found.radiograph
    height, width = radiograph.pixels.shape
    own = connection.execute(select(case.c.pseudonym).where(case.c.id == one.case_id)).scalar_one()
    warnings = [
        {"reason": warning.reason, "message": warning.message} for warning in radiograph.warnings
    ]
    if has_namesake(connection, own):
        warnings.append({"reason": NAME_DIFFERS, "message": _NAME_DIFFERS_TOLD})
    values: dict[str, object] = {
        "view": radiograph.view,
        "height": height,
        "width": width,
        "bits": shown.bits,
        "spacing": radiograph.spacing_mm,
        "warnings": warnings,
        "pixel_digest": pixel_digest,
        "state": "ready",
    }
    if uid is not None:
        held = connection.execute(
            select(case.c.id, case.c.pixel_digest).where(case.c.uid == uid)
        ).first()
        if held is not None:
            _set_aside(connection, places, one, held.id, held.pixel_digest == pixel_digest)
            return
        values["uid"] = uid
    twin = _find_twin(connection, one.case_id, pixel_digest)
    if twin is not None:
        _set_aside(connection, places, one, twin, is_same=True)
        return
    connection.execute(update(case).where(case.c.id == one.case_id).values(**values))
    finish(connection, one)
    append(connection, SYSTEM, "image-checked", one.case_id, {"pixels": pixel_digest})
    level = connection.execute(select(case.c.level).where(case.c.id == one.case_id)).scalar_one()
    state = read_state(connection)
    if state.policy.runs_model(level):
        enqueue(connection, "predict", one.case_id, state.bundle)


def _find_twin(connection: Connection, case_id: str, pixel_digest: str) -> str | None:
    """Find an image with the same pixels that can be read: what was said of it would be known."""
    found = connection.execute(
        select(case.c.id).where(
            case.c.pixel_digest == pixel_digest, case.c.state == "ready", case.c.id != case_id
        )
    ).scalar()
    return None if found is None else str(found)


def _name_patient(connection: Connection, case_id: str, header: DicomHeader | None) -> None:
    """What the file says of its patient goes before what its sender said.

    Also of an image that is refused or held back: it must go when the patient is erased.
    """
    if header is None or not tidy_id(header.patient_id or ""):
        return
    before = connection.execute(select(case.c.pseudonym).where(case.c.id == case_id)).scalar_one()
    found = find_pseudonym(connection, header.patient_id or "", header.patient_name or "")
    if found != before:
        connection.execute(update(case).where(case.c.id == case_id).values(pseudonym=found))
        drop_unused(connection, before)


def _set_aside(connection: Connection, places: Places, one: Job, held: str, is_same: bool) -> None:
    """Hold back an image whose UID another one has."""
    state = "duplicate" if is_same else "quarantined"
    reason = "known-image" if is_same else "other-pixels"
    message = (
        "this image is here already, from another file"
        if is_same
        else "another image has the same SOP Instance UID and other pixels: find out which is right"
    )
    connection.execute(
        update(case)
        .where(case.c.id == one.case_id)
        .values(state=state, reason=reason, message=message, same_as=held)
    )
    places.pixels(one.case_id).unlink(missing_ok=True)
    finish(connection, one)
    append(connection, SYSTEM, f"image-{state}", one.case_id, {"same_uid_as": held})


def _refuse(connection: Connection, one: Job, reason: str, message: str) -> None:
    connection.execute(
        update(case)
        .where(case.c.id == one.case_id)
        .values(state="refused", reason=reason, message=message)
    )
    finish(connection, one)
    append(connection, SYSTEM, "image-refused", one.case_id, {"reason": reason})


def _leave_out_path(message: str, path: Path) -> str:
    """Our own name of the file says nothing to people, and is nobody's business."""
    return message.replace(repr(show_name(str(path))), "the image")
