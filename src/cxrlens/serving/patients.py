"""Patients under pseudonyms, so that a patient can be erased.

SPDX-License-Identifier: Apache-2.0
"""

import logging
import secrets

from sqlalchemy import Connection, delete, insert, select, update

from cxrlens.serving.room import Room
from cxrlens.serving.tables import case, claim, heatmap, job, patient, prediction, reference, words
from cxrlens.serving.trail import ERASED, append

LOG = logging.getLogger("cxrlens.serving")

UNKNOWN = "unknown"
"""Shown where an image names no patient; such images are never taken for one patient's."""


def find_pseudonym(connection: Connection, patient_id: str, name: str = "") -> str | None:
    """Give the pseudonym of a patient, a new one where they are new.

    Args:
        connection: in a transaction that writes.
        patient_id: as the file or the sender says it; empty means unknown.
        name: of the patient, for people.

    Returns:
        Random, so that nothing leads back from it once the patient is erased; None where unknown.
    """
    wanted = patient_id.strip()
    if not wanted:
        return None
    known = connection.execute(select(patient).where(patient.c.patient_id == wanted)).first()
    if known is not None:
        if name.strip() and not known.name:  # a sender gave the ID, and a file now says the name
            connection.execute(
                update(patient)
                .where(patient.c.pseudonym == known.pseudonym)
                .values(name=name.strip())
            )
        return str(known.pseudonym)
    made = secrets.token_hex(8)
    connection.execute(insert(patient).values(pseudonym=made, patient_id=wanted, name=name.strip()))
    return made


def drop_unused(connection: Connection, pseudonym: str | None) -> None:
    """Delete a patient to whom no image belongs any more, so that none is left to be erased."""
    if pseudonym is None:
        return
    used = select(case.c.id).where(case.c.pseudonym == pseudonym)
    if connection.execute(used).first() is None:
        connection.execute(delete(patient).where(patient.c.pseudonym == pseudonym))


def erase_patient(room: Room, pseudonym: str, actor: str) -> list[str] | None:
    """Delete whatever names a patient or shows them: identity, images, answers, words of readings.

    What was read stays, under a pseudonym that leads nowhere; the trail stays whole.

    Args:
        room: that the patient is in; the files are deleted when it is certain that the records
            are, and if the process dies between the two when the room is opened again (`sweep`).
        pseudonym: of the patient.
        actor: who asks for it.

    Returns:
        Ids of the cases; None where there is no such patient.
    """
    with room.database.write() as connection:
        ids = _erase_records(connection, pseudonym, actor)
    if ids is None:
        return None
    for one in ids:
        room.places.original(one).unlink(missing_ok=True)
        room.places.pixels(one).unlink(missing_ok=True)
    if not room.database.forget():
        LOG.warning("what was erased stands in the database's log until it is written anew")
    return ids


def _erase_records(connection: Connection, pseudonym: str, actor: str) -> list[str] | None:
    if connection.execute(select(patient).where(patient.c.pseudonym == pseudonym)).first() is None:
        return None
    ids = list(connection.execute(select(case.c.id).where(case.c.pseudonym == pseudonym)).scalars())
    for table in (heatmap, prediction, job, claim, words):
        connection.execute(delete(table).where(table.c.case_id.in_(ids)))
    connection.execute(
        update(case)
        .where(case.c.id.in_(ids))
        .values(
            state="erased", digest=None, uid=None, pixel_digest=None, message=None, reason=None,
            warnings=[],
        )
    )  # fmt: skip
    # Free text of a lead; what is true of the case stays.
    connection.execute(
        update(reference).where(reference.c.case_id.in_(ids)).values(source="erased")
    )
    connection.execute(delete(patient).where(patient.c.pseudonym == pseudonym))
    append(connection, actor, ERASED, pseudonym, {"cases": ids})
    return ids
