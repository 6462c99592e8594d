"""Whether the cases since a certificate was made are like those before it.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select, update

from cxrlens.evaluation import DriftReport, watch_drift
from cxrlens.serving.certificates import (
    Held,
    find_formal_fault,
    list_held,
    void_certificate,
)
from cxrlens.serving.room import Room, RoomState, read_state
from cxrlens.serving.standing import fall
from cxrlens.serving.tables import case, certificate, prediction
from cxrlens.serving.tested_cases import read_score
from cxrlens.serving.trail import SYSTEM
from cxrlens.vocabulary import InputError

MOST_REFERENCE = 2000
"""Patients of the reference: the newest before the certificate."""


@dataclass(frozen=True)
class Tracks:
    """Charts by name, one value a patient."""

    reference: dict[str, np.ndarray]
    """Of the patients up to the certificate."""

    watched: dict[str, np.ndarray]
    """Of those since, in the order of arrival."""


def count_watched(connection: Connection, state: RoomState, held: Held) -> int:
    """Count the patients since a certificate was made, as `gather_tracks` gives them.

    Args:
        connection: in a transaction.
        state: of the room.
        held: the certificate.
    """
    patient = func.coalesce(case.c.pseudonym, case.c.id)
    new = _select_watchable(state, patient.label("patient")).group_by(patient)
    new = new.having(func.min(case.c.number) > held.after_number)
    return int(connection.execute(select(func.count()).select_from(new.subquery())).scalar_one())


def count_reference(connection: Connection, state: RoomState, held: Held) -> int:
    """Count the patients up to a certificate, against whom drift is looked for.

    Args:
        connection: in a transaction.
        state: of the room.
        held: the certificate.
    """
    patient = func.coalesce(case.c.pseudonym, case.c.id)
    old = _select_watchable(state, patient.label("patient")).group_by(patient)
    old = old.having(func.min(case.c.number) <= held.after_number)
    return int(connection.execute(select(func.count()).select_from(old.subquery())).scalar_one())


def gather_tracks(connection: Connection, state: RoomState, held: Held) -> Tracks:
    """Gather scores, brightness and features of the model's cases, one case a patient.

    Args:
        connection: in a transaction.
        state: of the room.
        held: the certificate.

    Returns:
        The first case of each patient; `features` only where every case has them.
    """
    wanted = _select_watchable(
        state, prediction.c.answer, prediction.c.brightness, prediction.c.features,
        case.c.id, case.c.number, case.c.pseudonym,
    )  # fmt: skip
    rows = connection.execute(wanted.order_by(case.c.number))
    first: dict[str, Any] = {}
    for row in rows:
        first.setdefault(row.pseudonym or row.id, row)
    before = [row for row in first.values() if row.number <= held.after_number]
    after = [row for row in first.values() if row.number > held.after_number]
    has_features = all(row.features is not None for row in first.values())

    def chart(kept: list[Any]) -> dict[str, np.ndarray]:
        told = {
            "scores": np.array([read_score(row.answer, held.told.finding) for row in kept]),
            "brightness": np.array([row.brightness for row in kept], dtype=np.float64),
        }
        if has_features and kept:
            told["features"] = np.stack([np.frombuffer(row.features, "<f4") for row in kept])
        return told

    tracks = Tracks(chart(before[-MOST_REFERENCE:]), chart(after))
    if not after:
        tracks.reference.pop("features", None)
    return tracks


def _select_watchable(state: RoomState, *columns: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's
    """What is wanted of the cases that the model answered as it does now."""
    return (
        select(*columns)
        .select_from(prediction)
        .join(case, case.c.id == prediction.c.case_id)
        .where(
            prediction.c.bundle == state.bundle,
            prediction.c.preparation == state.preparation,
            prediction.c.was_trained_on.is_(False),  # what it knows by heart is like nothing new
            prediction.c.brightness.is_not(None),
        )
    )


def watch(room: Room) -> None:
    """Look for drift where a window has become full; an alarm voids its certificate.

    It takes longer than a transaction should, and is done outside of one.

    Args:
        room: that the cases are in.
    """
    with room.database.read() as connection:
        state = read_state(connection)
        due = [
            (held, gather_tracks(connection, state, held))
            for held in list_held(connection, is_valid=True)
            if held.n_looks < held.plan.looks
            and find_formal_fault(held, state) is None
            # Counted first: features of all cases are much to read for every batch of answers.
            and count_watched(connection, state, held) >= (held.n_looks + 1) * held.plan.window
        ]
    for held, tracks in due:
        try:
            report: DriftReport | None = watch_drift(tracks.reference, tracks.watched, held.plan)
            fault = None
        except InputError as error:  # too few are left of the reference, such as after erasing
            report, fault = None, f"drift cannot be watched any more: {error}"
        with room.database.write() as connection:
            _note(connection, held, report, fault)


def _note(
    connection: Connection, held: Held, report: DriftReport | None, fault: str | None
) -> None:
    """Keep what the looks showed, and end the certificate if they alarmed."""
    if report is not None:
        looks = [{**asdict(one), "is_alarm": one.is_alarm} for one in report.looks]
        connection.execute(
            update(certificate)
            .where(certificate.c.id == held.id)
            .values(drift=looks, n_looks=report.n_watched // held.plan.window)
        )
        if report.alarms:
            fault = f"drift: {'; '.join(one.why for one in report.alarms)}"
    current = next((one for one in list_held(connection, is_valid=True) if one.id == held.id), None)
    if fault is not None and current is not None:
        void_certificate(connection, current, fault, SYSTEM)
        fall(connection, [fault])
