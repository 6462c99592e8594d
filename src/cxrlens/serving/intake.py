"""What is handed in becomes cases: each image at once an id, everything else later.

SPDX-License-Identifier: Apache-2.0

A file's name and its claims about itself are never used as a path: a case's id is random, and so
are the names of its files.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from cxrlens.client.messages import ReceiptLine
from cxrlens.imaging import recognise
from cxrlens.serving.archive import ByteSource, ByteStream, open_archive
from cxrlens.serving.clock import tell_time
from cxrlens.serving.disk import minding_space, require_space
from cxrlens.serving.jobs import enqueue
from cxrlens.serving.patients import find_pseudonym, is_of, tidy_id
from cxrlens.serving.people import SignedIn
from cxrlens.serving.places import Places
from cxrlens.serving.room import Room, read_state
from cxrlens.serving.tables import case
from cxrlens.serving.trail import append
from cxrlens.vocabulary import ImageRefused

MOST_BYTES = 128 * 2**20
"""Of one image: a radiograph of 64 megapixels at 16 bits."""

_PIECE = 1 << 20
"""Bytes that are copied at once."""

_OTHER_PATIENT = (
    "this image is here already, and not under the patient ID that was given now: it stays as it "
    "is; if that is wrong an admin can erase the case, and it can be sent again"
)
"""Which one it has is nobody's business who does not know it."""

_READ_KINDS = ("JPEG", "PNG", "TIFF", "DICOM")
_ARCHIVE = "a zip archive"


@dataclass(frozen=True)
class Incoming:
    """An image that lies whole in the room's folder, and is no case yet."""

    path: Path
    """Where it lies."""

    digest: str
    """SHA-256 of its bytes."""

    n_bytes: int
    """How many."""


def receive(
    room: Room, sender: SignedIn, files: Iterator[ByteStream], patient_id: str = ""
) -> Iterator[ReceiptLine]:
    """Take files in; what stands in a zip archive counts as handed in by itself.

    Args:
        room: takes them.
        sender: who hands them in.
        files: at their first byte.
        patient_id: whose they are, where the sender knows; a DICOM file says it itself.

    Yields:
        For every image what became of it, in order.

    Raises:
        OutOfSpace: if the disk is full; what was answered before is kept.
        Busy: if the database is locked for long.
    """
    for index, image in enumerate(_open_images(files)):
        if isinstance(image, ImageRefused):
            line = _refuse(room, sender, image)
        else:
            line = _receive_one(room, sender, image, patient_id)
        yield line.model_copy(update={"index": index})


def _open_images(files: Iterator[ByteStream]) -> Iterator[ByteSource | ImageRefused]:
    for file in files:
        head = file.read(512)
        file.seek(0)
        if recognise(head).name == _ARCHIVE:
            yield from open_archive(file, MOST_BYTES)
        else:
            yield file


def _receive_one(room: Room, sender: SignedIn, file: ByteSource, patient_id: str) -> ReceiptLine:
    try:
        incoming = _store(room.places, file)
    except ImageRefused as refused:
        return _refuse(room, sender, refused)
    place = room.places.original(secrets.token_hex(16))
    try:
        with minding_space(), room.database.write() as connection:
            return _admit(connection, sender, incoming, place, patient_id)
    except BaseException:
        place.unlink(missing_ok=True)  # it became no case
        raise
    finally:
        incoming.path.unlink(missing_ok=True)


def _store(places: Places, file: ByteSource) -> Incoming:
    """Write the bytes to the disk.

    Raises:
        OutOfSpace: if there is no space for them that may be taken.
        ImageRefused: if they are none, too many, or of no kind that is read.
    """
    path = places.incoming / secrets.token_hex(16)
    key, n_bytes = hashlib.sha256(), 0
    try:
        with minding_space(), path.open("xb") as kept:
            while piece := file.read(_PIECE):
                require_space(places.folder, len(piece))
                if n_bytes == 0:
                    _check_kind(piece[:512])
                n_bytes += len(piece)
                if n_bytes > MOST_BYTES:
                    raise ImageRefused(
                        "too-large",
                        f"the image has more than {MOST_BYTES // 2**20} MB, which no radiograph "
                        "has: send the image itself",
                        float(n_bytes),
                    )
                key.update(piece)
                kept.write(piece)
            if n_bytes == 0:
                raise ImageRefused("empty", "the file is empty: send it again")
            kept.flush()
            os.fsync(kept.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Incoming(path, key.hexdigest(), n_bytes)


def _check_kind(head: bytes) -> None:
    kind = recognise(head)
    if kind.name not in _READ_KINDS:
        raise ImageRefused(
            "unsupported-format" if kind.is_image else "unknown-format",
            f"the file is {kind.name}: send JPEG, PNG, TIFF or DICOM, or a zip archive of them",
        )


def _admit(
    connection: Connection, sender: SignedIn, incoming: Incoming, place: Path, patient_id: str
) -> ReceiptLine:
    """Make a case of an image, unless the same bytes are one already."""
    known = connection.execute(
        select(case.c.id, case.c.pseudonym).where(case.c.digest == incoming.digest)
    ).first()
    if known is not None:
        is_others = bool(tidy_id(patient_id)) and not is_of(connection, known.pseudonym, patient_id)
        append(connection, sender.id, "image-known", known.id, {"other_patient": is_others})
        return ReceiptLine(
            index=0,
            status="known",
            id=known.id,
            reason="other-patient" if is_others else None,
            message=_OTHER_PATIENT if is_others else None,
        )
    new_id = place.name
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    incoming.path.replace(place)
    _flush_folder(place.parent)
    connection.execute(
        insert(case).values(
            id=new_id,
            digest=incoming.digest,
            pseudonym=find_pseudonym(connection, patient_id),
            received_at=tell_time(),
            received_by=sender.id,
            n_bytes=incoming.n_bytes,
            level=read_state(connection).level,
            state="received",
        )
    )
    enqueue(connection, "check", new_id)
    append(
        connection, sender.id, "image-received", new_id,
        {"image": incoming.digest, "bytes": incoming.n_bytes},
    )  # fmt: skip
    return ReceiptLine(index=0, status="accepted", id=new_id, reason=None, message=None)


def _refuse(room: Room, sender: SignedIn, refused: ImageRefused) -> ReceiptLine:
    with room.database.write() as connection:
        append(connection, sender.id, "image-turned-away", "door", {"reason": refused.reason})
    return ReceiptLine(
        index=0, status="refused", id=None, reason=refused.reason, message=str(refused)
    )


def sweep(room: Room) -> int:
    """Delete files of no case, or of an erased one: the process died between the two.

    Returns:
        How many there were.
    """
    with room.database.read() as connection:
        rows = connection.execute(select(case.c.id, case.c.state)).all()
    kept = {
        "originals": {room.places.original(row.id) for row in rows if row.state != "erased"},
        "pixels": {room.places.pixels(row.id) for row in rows if row.state == "ready"},
    }
    n_swept = 0
    for kind, wanted in kept.items():
        for path in (room.places.folder / kind).glob("*/*"):
            if path not in wanted:
                path.unlink()
                n_swept += 1
    return n_swept


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
