"""Which answers of the model were within a reader's reach, whether they looked or not.

SPDX-License-Identifier: Apache-2.0

In assistance the worklist, its order and the earlier images of a patient show answers of cases
that nobody opened. When that ends, what was within reach is written down: a reading that follows
is none without the machine.
"""

from sqlalchemy import Connection, select, update

from cxrlens.serving.policy import Policy, Standing
from cxrlens.serving.tables import case, look, prediction
from cxrlens.vocabulary import LEVELS


def note_reach(connection: Connection, policy: Policy, bundle: str) -> None:
    """Write down whose answer could be seen, before that changes.

    Args:
        connection: in a transaction that writes.
        policy: of the room, as it still is.
        bundle: digest of the model that answers, as it still does.
    """
    open_levels = [level for level in LEVELS if policy.shows_machine(Standing(level))]
    if not open_levels:
        return
    answered = select(prediction.c.case_id).where(prediction.c.bundle == bundle)
    connection.execute(
        update(case)
        .where(case.c.level.in_(open_levels), case.c.id.in_(answered))
        .values(seen_bundle=bundle)
    )


def find_seen(connection: Connection, case_id: str, person_id: str) -> str | None:
    """Give the model whose answer for a case a person had within reach; None where none."""
    shown = connection.execute(
        select(look.c.shown_bundle).where(
            look.c.case_id == case_id, look.c.person_id == person_id, look.c.shown_at.is_not(None)
        )
    ).scalar()
    if shown is not None:
        return str(shown)
    seen = connection.execute(select(case.c.seen_bundle).where(case.c.id == case_id)).scalar_one()
    return None if seen is None else str(seen)
