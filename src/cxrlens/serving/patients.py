"""Patients under pseudonyms, so that a patient can be erased.

SPDX-License-Identifier: Apache-2.0
"""

import logging
import secrets
import unicodedata

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from cxrlens.serving.room import Room
from cxrlens.serving.tables import case, claim, heatmap, job, patient, prediction, reference, words
from cxrlens.serving.trail import CASE_ERASED, ERASED, append

LOG = logging.getLogger("cxrlens.serving")

UNKNOWN = "unknown"
"""Shown where an image names no patient; such images are never taken for one patient's."""


_NOBODY = frozenset(
    {"", "0", "anon", "anonymous", "unknown", "none", "n/a", "test"}
)  # fmt: skip
"""What stands for an ID where there is none, in lower case."""

NAME_DIFFERS = "patient-name-differs"
"""The reason of a warning on an image whose patient ID another name has too."""


def tidy_id(patient_id: str) -> str:
    """Give a patient ID without the blanks around it; empty where it stands for nobody."""
    told = patient_id.strip()
    return "" if told.casefold() in _NOBODY else told


def find_pseudonym(connection: Connection, patient_id: str, name: str = "") -> str | None:
    """Give the pseudonym of a patient, a new one where they are new.

    Whoever has the same ID and another name is kept apart: hospitals give IDs of their own, and
    one that was typed wrong would else put two people's images together.

    Args:
        connection: in a transaction that writes.
        patient_id: as the file or the sender says it; empty, or a word such as `ANON`, means
            unknown.
        name: of the patient, for people.

    Returns:
        Random, so that nothing leads back from it once the patient is erased; None where unknown.
    """
    wanted = tidy_id(patient_id)
    if not wanted:
        return None
    rows = connection.execute(select(patient).where(patient.c.patient_id == wanted)).all()
    key = _simplify(name)
    if len(rows) == 1 and (not key or not _simplify(rows[0].name)):
        if key:  # a sender gave the ID, and a file now says the name
            connection.execute(
                update(patient)
                .where(patient.c.pseudonym == rows[0].pseudonym)
                .values(name=name.strip())
            )
        return str(rows[0].pseudonym)
    for row in rows:
        if _simplify(row.name) == key:
            return str(row.pseudonym)
    made = secrets.token_hex(8)
    connection.execute(insert(patient).values(pseudonym=made, patient_id=wanted, name=name.strip()))
    return made


def has_namesake(connection: Connection, pseudonym: str | None) -> bool:
    """Say whether another patient has the same ID, and another name."""
    own = select(patient.c.patient_id).where(patient.c.pseudonym == pseudonym).scalar_subquery()
    asked = select(patient.c.pseudonym).where(
        patient.c.patient_id == own, patient.c.pseudonym != pseudonym
    )
    return pseudonym is not None and connection.execute(asked).first() is not None


def is_of(connection: Connection, pseudonym: str | None, patient_id: str) -> bool:
    """Say whether a pseudonym is that of a patient with this ID."""
    asked = select(patient.c.patient_id).where(patient.c.pseudonym == pseudonym)
    return connection.execute(asked).scalar() == tidy_id(patient_id)


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
    return _erase_patients(room, patient.c.pseudonym == pseudonym, actor)


def erase_by_id(room: Room, patient_id: str, actor: str) -> list[str] | None:
    """Erase, as `erase_patient` does, whoever has an ID, whatever their names.

    Args:
        room: that they are in.
        patient_id: as a file or a sender said it.
        actor: who asks for it.

    Returns:
        Ids of the cases; None where nobody has it.
    """
    return _erase_patients(room, patient.c.patient_id == tidy_id(patient_id), actor)


def erase_case(room: Room, case_id: str, actor: str) -> bool:
    """Erase one case, as `erase_patient` does all of a patient; also one that was refused.

    Args:
        room: that it is in.
        case_id: of the case.
        actor: who asks for it.

    Returns:
        Whether there is such a case; one that was erased before stays as it is.
    """
    with room.database.write() as connection:
        row = connection.execute(
            select(case.c.state, case.c.pseudonym).where(case.c.id == case_id)
        ).first()
        if row is None:
            return False
        if row.state == "erased":
            return True
        _erase_records(connection, [case_id])
        # What was read of it must not lead to the patient, who may have other images.
        connection.execute(update(case).where(case.c.id == case_id).values(pseudonym=None))
        drop_unused(connection, row.pseudonym)
        append(connection, actor, CASE_ERASED, case_id, {"cases": [case_id]})
    _erase_files(room, [case_id])
    return True


def _erase_patients(room: Room, which: ColumnElement[bool], actor: str) -> list[str] | None:
    erased: list[str] = []
    with room.database.write() as connection:
        found = list(connection.execute(select(patient.c.pseudonym).where(which)).scalars())
        for pseudonym in found:
            asked = select(case.c.id).where(case.c.pseudonym == pseudonym)
            ids = list(connection.execute(asked).scalars())
            _erase_records(connection, ids)
            connection.execute(delete(patient).where(patient.c.pseudonym == pseudonym))
            append(connection, actor, ERASED, pseudonym, {"cases": ids})
            erased += ids
    if not found:
        return None
    _erase_files(room, erased)
    return erased


def _erase_files(room: Room, ids: list[str]) -> None:
    for one in ids:
        room.places.original(one).unlink(missing_ok=True)
        room.places.pixels(one).unlink(missing_ok=True)
    if not room.database.forget():
        LOG.warning("what was erased stands in the database's log until it is written anew")


def _simplify(name: str) -> str:
    """A name without what two machines write differently: case, blanks, `^` and other marks."""
    told = unicodedata.normalize("NFKC", name).casefold()
    return "".join(one for one in told if one.isalnum())


def _erase_records(connection: Connection, ids: list[str]) -> None:
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
