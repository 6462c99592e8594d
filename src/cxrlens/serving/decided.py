"""Which cases the machine decided, or is about to decide: conditions of a query.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Any

from sqlalchemy import and_, select

from cxrlens.serving.policy import AUTOMATED
from cxrlens.serving.tables import case, decision, job


def is_awaited(since: str) -> Any:  # noqa: ANN401 - an expression of SQLAlchemy's
    """Say of which readable cases the machine may decide in a moment, so that nobody is asked yet.

    Args:
        since: cases that came before this moment wait no longer: whatever keeps the machine from
            answering must not keep a reader from it.
    """
    is_open = (
        select(job.c.id)
        .where(
            job.c.case_id == case.c.id,
            job.c.kind == "predict",
            job.c.state.in_(("queued", "running")),
        )
        .correlate(case)
        .exists()
    )
    none = (
        ~select(decision.c.case_id).where(decision.c.case_id == case.c.id).correlate(case).exists()
    )
    return and_(
        case.c.state == "ready", case.c.level.in_(AUTOMATED), case.c.received_at > since,
        is_open, none,
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
