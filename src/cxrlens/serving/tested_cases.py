"""Which cases of a room a promise may be tested on, and which are left out, and why.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, and_, func, select

from cxrlens.client.messages import Side
from cxrlens.evaluation import ReferenceCases, Workload
from cxrlens.serving.certificates import read_outputs
from cxrlens.serving.conditions import may_still_read
from cxrlens.serving.room import RoomState
from cxrlens.serving.tables import case, decision, prediction, reading, reference

KNOWN_BEFORE = "what is true of it was known before the promise was made"
OWN_READER = "what is true of it was entered by somebody who read it here"
NO_PATIENT = "no patient ID, so that nobody knows whether two are of one patient"
TRAINED_ON = "of a patient whose image the model was trained on"
CHOSEN = (
    "the machine ruled on it, and the lot did not draw it: what is known of such cases depends on "
    "what the machine did"
)
OTHER_WAY = "this model did not answer it, or another way from file to pixels was taken"


@dataclass(frozen=True)
class Gathered:
    """Cases with a reference, in the order in which it was entered."""

    scores: np.ndarray
    """Probability of the finding, float64."""

    is_present: np.ndarray
    """By the reference, bool."""

    patients: tuple[str, ...]
    """Pseudonym of each."""

    images: tuple[str, ...]
    """SHA-256 of each file."""

    sources: tuple[str, ...]
    """Where the reference of each is from."""

    left_out: dict[str, int]
    """Cases with a reference that do not count, by reason."""

    def find_at_stake(self, decides: Side) -> np.ndarray:
        """Find the cases that a decision could be wrong of."""
        return np.asarray(self.is_present == (decides == "negative"))

    def count_at_stake(self, decides: Side) -> int:
        """Count the patients that a decision could be wrong of."""
        rows = np.flatnonzero(self.find_at_stake(decides))
        return len({self.patients[row] for row in rows.tolist()})

    def to_cases(self) -> ReferenceCases:
        """Give them as `cxrlens.evaluation` takes them."""
        told = Counter(self.sources)
        named = ", ".join(f"{name} ({n})" for name, n in sorted(told.items()))
        return ReferenceCases(
            scores=self.scores,
            is_present=self.is_present,
            clusters=number_patients(self.patients),
            images=self.images,
            reference=named or "none",
        )


def gather(
    connection: Connection,
    state: RoomState,
    finding: str,
    after_line: int = -1,
    asker: str | None = None,
) -> Gathered:
    """Gather the cases that a promise may be tested on.

    Args:
        connection: in a transaction.
        state: of the room.
        finding: the class.
        after_line: of the trail; only what was first said behind it counts, and where classes
            exclude each other only if nothing was said of any of them before. -1: all.
        asker: id of a person; cases that they may still read are left out. None leaves out none.

    Returns:
        Only those whose reference was entered by somebody who did not read them here, of a known
        patient none of whose images the model was trained on, answered by the model of the room in
        the way in which it answers now.
    """
    wanted = _select(state, finding, is_multilabel=read_outputs(connection).is_multilabel)
    if asker is not None:
        wanted = wanted.where(~may_still_read(state, asker))
    rows = connection.execute(wanted).all()
    readers = _list_readers(connection)
    trained = _list_trained(connection, state)
    left_out: Counter[str] = Counter()
    kept: list[Row[Any]] = []
    for row in rows:
        why = _find_fault(row, state, after_line, readers, trained)
        if why is None:
            kept.append(row)
        else:
            left_out[why] += 1
    return Gathered(
        scores=np.array([read_score(row.answer, finding) for row in kept], dtype=np.float64),
        is_present=np.array([row.is_present for row in kept], dtype=np.bool_),
        patients=tuple(row.pseudonym for row in kept),
        images=tuple(row.digest for row in kept),
        sources=tuple(row.source for row in kept),
        left_out=dict(left_out),
    )


def gather_workload(
    connection: Connection, state: RoomState, finding: str, asker: str | None = None
) -> Workload | None:
    """Gather the cases as they come, whose truth nobody needs to know; None where there are none.

    Args:
        connection: in a transaction.
        state: of the room.
        finding: the class.
        asker: as for `gather`.
    """
    wanted = (
        select(prediction.c.answer, case.c.id, case.c.pseudonym)
        .join(case, case.c.id == prediction.c.case_id)
        .where(
            prediction.c.bundle == state.bundle,
            prediction.c.preparation == state.preparation,
            prediction.c.was_trained_on.is_(False),
            case.c.state == "ready",
        )
        .order_by(case.c.number)
    )
    if asker is not None:
        wanted = wanted.where(~may_still_read(state, asker))
    rows = connection.execute(wanted).all()
    if not rows:
        return None
    return Workload(
        scores=np.array([read_score(row.answer, finding) for row in rows], dtype=np.float64),
        clusters=number_patients([row.pseudonym or row.id for row in rows]),
        over=f"the {len(rows)} cases of this room that the model answered",
    )


def number_patients(names: Sequence[str]) -> np.ndarray:
    """Give each patient a number, int64, in the order in which they come."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in names], dtype=np.int64)


def read_score(answer: dict[str, Any], finding: str) -> float:
    """Give the probability of a class that stands in a stored answer."""
    return next(float(one["probability"]) for one in answer["classes"] if one["name"] == finding)


def _select(state: RoomState, finding: str, *, is_multilabel: bool) -> Any:  # noqa: ANN401 - as above
    answered = and_(prediction.c.case_id == case.c.id, prediction.c.bundle == state.bundle)
    # Of classes that exclude each other one tells of the rest.
    beside = reference.alias()
    earliest = (
        select(func.min(beside.c.first_line))
        .where(beside.c.case_id == case.c.id)
        .correlate(case)
        .scalar_subquery()
    )
    known_line = reference.c.first_line if is_multilabel else earliest
    return (
        select(
            case.c.id,
            case.c.digest,
            case.c.pseudonym,
            reference.c.is_present,
            reference.c.source,
            reference.c.set_by,
            known_line.label("known_line"),
            prediction.c.answer,
            prediction.c.preparation,
            decision.c.is_drawn,
        )
        .join(reference, reference.c.case_id == case.c.id)
        .outerjoin(prediction, answered)
        .outerjoin(decision, decision.c.case_id == case.c.id)
        .where(reference.c.class_name == finding, case.c.state == "ready")
        .order_by(reference.c.first_line, case.c.number)
    )


def _list_trained(connection: Connection, state: RoomState) -> set[str]:
    """Patients any of whose images it was trained on, also one whose truth nobody has told."""
    asked = (
        select(case.c.pseudonym)
        .select_from(prediction)
        .join(case, case.c.id == prediction.c.case_id)
        .where(
            prediction.c.bundle == state.bundle,
            prediction.c.was_trained_on.is_(True),
            case.c.pseudonym.is_not(None),
        )
        .distinct()
    )
    return set(connection.execute(asked).scalars())


def _list_readers(connection: Connection) -> set[tuple[str, str]]:
    asked = select(reading.c.case_id, reading.c.person_id).distinct()
    return {(row.case_id, row.person_id) for row in connection.execute(asked)}


def _find_fault(
    row: Row[Any],
    state: RoomState,
    after_line: int,
    readers: set[tuple[str, str]],
    trained: set[str],
) -> str | None:
    """Why a case does not count; None where it does."""
    if row.known_line <= after_line:
        return KNOWN_BEFORE
    if (row.id, row.set_by) in readers:
        return OWN_READER
    if row.is_drawn is False:
        return CHOSEN
    if row.answer is None or row.preparation != state.preparation:
        return OTHER_WAY
    if row.pseudonym is None:
        return NO_PATIENT
    return TRAINED_ON if row.pseudonym in trained else None
