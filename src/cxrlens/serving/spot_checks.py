"""What readers found in the cases that the lot gave them, and whether a promise still stands.

SPDX-License-Identifier: Apache-2.0

The lot is cast of every case at an automated level before the machine decides about it, so that
the drawn cases are a sample of all, and not of what the machine was sure of.
"""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from cxrlens.client.automation import Share, SpotChecks
from cxrlens.evaluation import judge_spot_checks
from cxrlens.serving.certificates import Held
from cxrlens.serving.conditions import may_still_read
from cxrlens.serving.room import read_state
from cxrlens.serving.tables import case, decision, reading, reference

_When = tuple[bool, int]
"""Whether no reader told it first, and the number of the reading or of the trail's line."""


@dataclass(frozen=True)
class DrawnCases:
    """The drawn cases of a certificate whose truth somebody has told."""

    n_drawn: int
    """Drawn, told or not."""

    n_read: int
    """Of them, told."""

    is_wrong: np.ndarray
    """Of the patients at stake, in the order in which they were told: whether the machine decided
    wrongly; bool. A referred one was not."""


def gather_drawn(connection: Connection, held: Held, asker: str | None = None) -> DrawnCases:
    """Gather what became of the drawn cases of a certificate.

    What is true of a case is what a reference says, and else what a reader said before they knew
    the machine's answer: a word given after it would be no check. A reference by somebody who read
    the case counts only where it speaks against the machine.

    Args:
        connection: in a transaction.
        held: the certificate.
        asker: id of a person; cases that they may still read are left out: their number alone
            would say which of those that wait were drawn. None leaves out none.
    """
    finding = held.told.finding
    asked = (
        select(decision, case.c.pseudonym)
        .join(case, case.c.id == decision.c.case_id)
        .where(decision.c.is_drawn.is_(True))
        .order_by(case.c.number)
    )
    if asker is not None:
        asked = asked.where(~may_still_read(read_state(connection), asker))
    drawn = [row for row in connection.execute(asked) if held.id in row.certificates]
    at_stake = held.told.decides == "negative"
    told = _read_truth(connection, {row.case_id for row in drawn}, finding, at_stake=at_stake)
    wrong: dict[str, tuple[_When, bool]] = {}
    for row in drawn:
        if row.case_id not in told or told[row.case_id][1] != at_stake:
            continue
        when, _ = told[row.case_id]
        is_wrong = row.findings is not None and row.findings[finding] != at_stake
        key = row.pseudonym or row.case_id
        # A patient counts once, by the first case that was told of.
        if key not in wrong or when < wrong[key][0]:
            wrong[key] = (when, is_wrong)
    ordered = [is_wrong for _, is_wrong in sorted(wrong.values(), key=lambda one: one[0])]
    return DrawnCases(
        n_drawn=len(drawn),
        n_read=len(told),
        is_wrong=np.array(ordered, dtype=np.bool_),
    )


def count_late(connection: Connection, held: Held, before: str) -> int:
    """Count the drawn cases of a certificate that nobody has read for too long.

    Args:
        connection: in a transaction.
        held: the certificate.
        before: the moment before which the lot gave them to a reader.
    """
    rows = connection.execute(
        select(decision.c.certificates)
        .join(case, case.c.id == decision.c.case_id)
        .where(
            decision.c.is_drawn.is_(True),
            decision.c.at < before,
            case.c.state == "ready",
            case.c.n_read == 0,
        )
    ).scalars()
    return sum(held.id in ids for ids in rows)


def judge_drawn(connection: Connection, held: Held, asker: str) -> SpotChecks:
    """Tell whether the spot checks speak against the promise of a certificate.

    Args:
        connection: in a transaction.
        held: the certificate.
        asker: as for `gather_drawn`.
    """
    found = gather_drawn(connection, held, asker)
    standing = judge_spot_checks(found.is_wrong, held.told.risk, held.told.delta)
    rate, wrong = standing.rate, None
    if rate.value is not None and rate.low is not None and rate.high is not None:
        wrong = Share(value=rate.value, low=rate.low, high=rate.high, n=rate.n)
    return SpotChecks(
        n_drawn=found.n_drawn,
        n_read=found.n_read,
        n_at_stake=standing.n,
        n_wrong=standing.n_wrong,
        wrong=wrong,
        e_value=standing.e_value,
        sentence=str(standing),
    )


def find_broken_promise(connection: Connection, held: Held) -> str | None:
    """Say how the spot checks broke the promise of a certificate; None where they did not.

    Args:
        connection: in a transaction.
        held: the certificate.
    """
    found = gather_drawn(connection, held)
    standing = judge_spot_checks(found.is_wrong, held.told.risk, held.told.delta)
    return str(standing) if standing.is_broken else None


def _read_truth(
    connection: Connection, ids: set[str], finding: str, *, at_stake: bool
) -> dict[str, tuple[_When, bool]]:
    """Case → when it was told, and whether the class is there."""
    told: dict[str, tuple[_When, bool]] = {}
    # Joined, and not listed: SQLite takes only so many values in one question.
    is_drawn = decision.c.is_drawn.is_(True)
    asked = (
        select(reading.c.case_id, reading.c.seq, reading.c.findings)
        .join(decision, decision.c.case_id == reading.c.case_id)
        .where(
            reading.c.machine_was_shown.is_(False),
            reading.c.kind.in_(("first", "final")),
            is_drawn,
        )
        .order_by(reading.c.seq)
    )
    for row in connection.execute(asked):
        present = any(one["class_name"] == finding and one["present"] for one in row.findings)
        told.setdefault(row.case_id, ((False, row.seq), present))
    readers = select(reading.c.person_id).where(
        reading.c.case_id == reference.c.case_id, reading.c.person_id == reference.c.set_by
    )
    known = (
        select(
            reference.c.case_id,
            reference.c.first_line,
            reference.c.is_present,
            readers.exists().label("is_own"),
        )
        .join(decision, decision.c.case_id == reference.c.case_id)
        .where(reference.c.class_name == finding, is_drawn)
    )
    for row in connection.execute(known.order_by(reference.c.first_line)):
        if row.is_own and bool(row.is_present) != at_stake:
            continue  # who read it alone first does not take back what they found
        when = told[row.case_id][0] if row.case_id in told else (True, row.first_line)
        told[row.case_id] = (when, bool(row.is_present))
    return {one: what for one, what in told.items() if one in ids}
