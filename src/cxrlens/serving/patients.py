"""Patients under pseudonyms, so that a patient can be erased.

SPDX-License-Identifier: Apache-2.0
"""

import secrets

from sqlalchemy import Connection, delete, insert, select, update

from cxrlens.serving.places import Places
from cxrlens.serving.tables import case, claim, heatmap, job, patient, prediction, words
from cxrlens.serving.trail import append

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
    known = connection.execute(
        select(patient.c.pseudonym).where(patient.c.patient_id == wanted)
    ).scalar_one_or_none()
    if known is not None:
        return str(known)
    made = secrets.token_hex(8)
    connection.execute(insert(patient).values(pseudonym=made, patient_id=wanted, name=name.strip()))
    return made


def erase_patient(
    connection: Connection, places: Places, pseudonym: str, actor: str
) -> list[str] | None:
    """Delete whatever names a patient or shows them: identity, images, answers, words of readings.

    What was read stays, under a pseudonym that leads nowhere; the trail stays whole.

    Args:
        connection: in a transaction that writes.
        places: of the room; the files are deleted last, when the rest is ready to be committed.
        pseudonym: of the patient.
        actor: who asks for it.

    Returns:
        Ids of the cases; None where there is no such patient.
    """
    if connection.execute(select(patient).where(patient.c.pseudonym == pseudonym)).first() is None:
        return None
    ids = list(connection.execute(select(case.c.id).where(case.c.pseudonym == pseudonym)).scalars())
    for table in (heatmap, prediction, job, claim, words):
        connection.execute(delete(table).where(table.c.case_id.in_(ids)))
    connection.execute(
        update(case)
        .where(case.c.id.in_(ids))
        .values(state="erased", digest=None, uid=None, pixel_digest=None, message=None, reason=None)
    )
    connection.execute(delete(patient).where(patient.c.pseudonym == pseudonym))
    append(connection, actor, "patient-erased", pseudonym, {"cases": ids})
    for one in ids:
        places.original(one).unlink(missing_ok=True)
        places.pixels(one).unlink(missing_ok=True)
    return ids
