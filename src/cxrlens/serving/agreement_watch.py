"""Whether readers, before they see the machine's answer, come to differ from it more often.

SPDX-License-Identifier: Apache-2.0

What was usual is known from the cases that were read without the machine until a certificate was
made. Watched are, at an automated level, the cases that the lot gave to a reader. Those that were
referred count for neither: they are the hard ones, and readers differ more from the machine there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, or_, select

from cxrlens.evaluation import AgreementChart, design_cusum, watch_agreement
from cxrlens.serving.conditions import may_still_read
from cxrlens.serving.room import RoomState
from cxrlens.serving.tables import case, decision, prediction, reading

FEWEST_READ = 100
"""Cases read without the machine that are asked for, to know what is usual."""

RUN_LENGTH = 2000.0
"""Watched cases until a false alarm, on average."""

_LEAST, _MOST = 0.01, 0.4
"""Between these the usual share is taken to lie: a chart needs some disagreement, and room for
more."""


@dataclass(frozen=True)
class Answers:
    """What reader and machine said of a class, one entry a case, in the order of reading."""

    reader: np.ndarray
    """Whether the reader called it present before they knew the machine's answer; bool."""

    machine: np.ndarray
    """Whether the machine decided for it; bool."""

    patients: tuple[str, ...]
    """Pseudonym, or the case's own id where unknown."""

    numbers: tuple[int, ...]
    """Of the cases."""


def gather_unaided(
    connection: Connection,
    state: RoomState,
    finding: str,
    asker: str | None = None,
    *,
    is_drawn: bool = False,
) -> Answers:
    """Gather what readers said without the machine, and what the machine of the room said.

    Args:
        connection: in a transaction.
        state: of the room.
        finding: the class.
        asker: id of a person; cases that they may still read are left out. None leaves out none.
        is_drawn: only cases that the lot gave to a reader at an automated level; else those too
            about which the machine had nothing to decide, and none that it referred.

    Returns:
        The first such answer to each case, in the order in which they were given.
    """
    is_drawn_case = decision.c.is_drawn.is_(True)
    asked = (
        select(
            case.c.id, case.c.number, case.c.pseudonym, reading.c.findings, prediction.c.answer
        )
        .join(case, case.c.id == reading.c.case_id)
        .join(
            prediction,
            and_(prediction.c.case_id == case.c.id, prediction.c.bundle == state.bundle),
        )
        .outerjoin(decision, decision.c.case_id == case.c.id)
        .where(
            reading.c.machine_was_shown.is_(False),
            reading.c.kind.in_(("first", "final")),
            prediction.c.preparation == state.preparation,
            prediction.c.was_trained_on.is_(False),
            is_drawn_case if is_drawn else or_(decision.c.case_id.is_(None), is_drawn_case),
        )
        .order_by(reading.c.seq)
    )  # fmt: skip
    if asker is not None:
        asked = asked.where(~may_still_read(state, asker))
    seen: dict[str, Any] = {}
    for row in connection.execute(asked):
        seen.setdefault(row.id, row)
    rows = list(seen.values())
    return Answers(
        reader=np.array([_is_present(row.findings, finding) for row in rows], dtype=np.bool_),
        machine=np.array([is_decided_for(row.answer, finding) for row in rows], dtype=np.bool_),
        patients=tuple(row.pseudonym or row.id for row in rows),
        numbers=tuple(row.number for row in rows),
    )


def find_usual(connection: Connection, state: RoomState, finding: str) -> dict[str, float] | None:
    """Find what share of differences is usual, and the one that is to be found out.

    Args:
        connection: in a transaction.
        state: of the room.
        finding: the class.

    Returns:
        `usual` and `worse`: twice that, and at least 10 points more; None where fewer than
        `FEWEST_READ` patients were read without the machine.
    """
    found = gather_unaided(connection, state, finding)
    rows = take_one_each(found.patients)
    if len(rows) < FEWEST_READ:
        return None
    share = float((found.reader != found.machine)[rows].mean())
    usual = min(max(share, _LEAST), _MOST)
    return {"usual": usual, "worse": max(2 * usual, usual + 0.1)}


def chart_agreement(
    connection: Connection,
    state: RoomState,
    finding: str,
    usual: dict[str, float],
    after: int,
    asker: str | None = None,
) -> AgreementChart:
    """Chart the differences of the drawn cases since a certificate was made.

    Args:
        connection: in a transaction.
        state: of the room.
        finding: the class.
        usual: as `find_usual` gave it when the certificate was made.
        after: number of the newest case then.
        asker: as for `gather_unaided`; whoever judges the certificate leaves out none.
    """
    found = gather_unaided(connection, state, finding, asker, is_drawn=True)
    watched = [row for row in take_one_each(found.patients) if found.numbers[row] > after]
    design = design_cusum(usual["usual"], usual["worse"], RUN_LENGTH)
    return watch_agreement((found.reader != found.machine)[watched], design)


def take_one_each(patients: tuple[str, ...]) -> list[int]:
    """Take the first row of each patient: images of one patient are alike."""
    first: dict[str, int] = {}
    for row, name in enumerate(patients):
        first.setdefault(name, row)
    return list(first.values())


def _is_present(findings: list[dict[str, Any]], finding: str) -> bool:
    return any(one["class_name"] == finding and one["present"] for one in findings)


def is_decided_for(answer: dict[str, Any], finding: str) -> bool:
    """Say whether a stored answer decides for a class, at the model's operating point."""
    return any(one["name"] == finding and one["is_decided"] for one in answer["classes"])
