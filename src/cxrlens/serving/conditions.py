"""Which cases the machine decided or may decide, and which a person may still read: conditions.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Any

from sqlalchemy import and_, select

from cxrlens.serving.clock import tell_time
from cxrlens.serving.policy import AUTOMATED
from cxrlens.serving.room import RoomState
from cxrlens.serving.tables import case, decision, job, reading


def is_awaited(since: str) -> Any:  # noqa: ANN401 - an expression of SQLAlchemy's
    """Say of which readable cases the machine may decide in a moment, so that nobody is asked yet.

    Args:
        since: cases that came before this moment wait no longer: whatever keeps the machine from
            answering must not keep a reader from it. Nor do those that came after now, by a clock
            that was set back.
    """
    # Also where the job is done: drift is looked for between the answer and the decision.
    is_coming = (
        select(job.c.id)
        .where(
            job.c.case_id == case.c.id,
            job.c.kind == "predict",
            job.c.state.in_(("queued", "running", "done")),
        )
        .correlate(case)
        .exists()
    )
    none = (
        ~select(decision.c.case_id).where(decision.c.case_id == case.c.id).correlate(case).exists()
    )
    return and_(
        case.c.state == "ready", case.c.level.in_(AUTOMATED), case.c.received_at > since,
        case.c.received_at <= tell_time(), is_coming, none,
    )  # fmt: skip


def is_decided() -> Any:  # noqa: ANN401 - an expression of SQLAlchemy's
    """Say which cases the machine decided so that nobody is asked to read them."""
    return (
        select(decision.c.case_id)
        .where(
            decision.c.case_id == case.c.id,
            decision.c.kind == "decided",
            decision.c.is_drawn.is_(False),
            decision.c.recalled_at.is_(None),
        )
        .correlate(case)
        .exists()
    )


def may_still_read(state: RoomState, person_id: str) -> Any:  # noqa: ANN401 - as above
    """Say which cases a person may still read: nobody reads without bias what they saw answered.

    Args:
        state: of the room.
        person_id: of the person.
    """
    own = select(reading.c.case_id).where(
        reading.c.person_id == person_id, reading.c.kind == "final"
    )
    return and_(
        case.c.state == "ready",
        case.c.n_read < state.settings.readers_per_case,
        case.c.id.not_in(own),
        ~is_decided(),
    )
