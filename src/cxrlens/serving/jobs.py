"""Work that waits, and who is at it.

SPDX-License-Identifier: Apache-2.0

A worker takes a job for a while (a lease). If it dies or hangs, the lease runs out and another
takes the job; what it made is stored in the same transaction that ends the job, so that nothing
is stored twice. A job that was begun `MOST_ATTEMPTS` times and never ended is given up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from cxrlens.serving.clock import count_seconds
from cxrlens.serving.tables import job

JobKind = Literal["check", "predict", "explain"]
"""The file check; the model's answer; a map by another method."""

CHECKS: tuple[JobKind, ...] = ("check",)
"""What the process without a model does."""

ANSWERS: tuple[JobKind, ...] = ("predict", "explain")
"""What the process with the model does; answers go before maps by other methods."""

LEASE_SECONDS: dict[JobKind, float] = {"check": 60.0, "predict": 120.0, "explain": 900.0}
"""How long a worker has for what it took at once."""

MOST_ATTEMPTS = 5
"""Begun so often without an end, a job is given up."""

_TROUBLE = 1
"""Begun more often than that without an end, a job goes behind all others."""


@dataclass(frozen=True)
class Job:
    """One piece of work."""

    id: int
    kind: JobKind
    case_id: str
    order: str
    """What exactly, of an `explain` job: `method/class`; of a `predict` job the model's digest."""

    attempts: int
    """How often it was begun, this time among them."""


def enqueue(connection: Connection, kind: JobKind, case_id: str, order: str = "") -> None:
    """Add a job, unless the same one is there; one that failed is tried again."""
    same = (job.c.kind == kind, job.c.case_id == case_id, job.c.order == order)
    known = connection.execute(select(job.c.state).where(*same)).scalar()
    if known is None:
        connection.execute(
            insert(job).values(kind=kind, case_id=case_id, order=order, state="queued")
        )
    elif known == "failed":
        connection.execute(
            update(job).where(*same).values(state="queued", attempts=0, message=None)
        )


def take(connection: Connection, kinds: Sequence[JobKind], most: int) -> list[Job]:
    """Take the oldest waiting jobs, those of a dead worker among them.

    Args:
        connection: in a transaction that writes.
        kinds: what the worker can do; those named first go first.
        most: jobs at once.

    Returns:
        Jobs of one kind, which the worker has `LEASE_SECONDS` for. One that was begun before
        comes alone, so that whatever it does to its worker it does to no other job.
    """
    now = count_seconds()
    is_free = or_(job.c.state == "queued", and_(job.c.state == "running", job.c.lease_until < now))
    for kind in kinds:
        # What failed twice goes last: it may be what ends its worker, and others must proceed.
        order = (job.c.attempts > _TROUBLE, job.c.id)
        asked = select(job).where(is_free, job.c.kind == kind).order_by(*order).limit(most)
        rows = _keep_apart(list(connection.execute(asked)))
        if rows:
            connection.execute(
                update(job)
                .where(job.c.id.in_([row.id for row in rows]))
                .values(
                    state="running",
                    attempts=job.c.attempts + 1,
                    lease_until=now + LEASE_SECONDS[kind],
                )
            )
            return [Job(row.id, kind, row.case_id, row.order, row.attempts + 1) for row in rows]
    return []


def _keep_apart(rows: list[Row[Any]]) -> list[Row[Any]]:
    if rows and rows[0].attempts:
        return rows[:1]
    return list(takewhile(lambda row: not row.attempts, rows))


def has_waiting(connection: Connection, kinds: Sequence[JobKind]) -> bool:
    """Say whether there may be something to take: cheap, since it takes no lock."""
    now = count_seconds()
    is_free = or_(job.c.state == "queued", and_(job.c.state == "running", job.c.lease_until < now))
    return (
        connection.execute(select(job.c.id).where(is_free, job.c.kind.in_(kinds)).limit(1)).first()
        is not None
    )


def is_held(connection: Connection, one: Job) -> bool:
    """Say whether the worker still holds the job: its result may be stored then, and only then."""
    row = connection.execute(select(job.c.state, job.c.attempts).where(job.c.id == one.id)).first()
    return row is not None and row.state == "running" and row.attempts == one.attempts


def finish(connection: Connection, one: Job, message: str | None = None) -> None:
    """End a job.

    Args:
        connection: in the transaction that stores its result.
        one: the job.
        message: why it failed; None where it did not.
    """
    state = "done" if message is None else "failed"
    connection.execute(
        update(job).where(job.c.id == one.id).values(state=state, message=message, lease_until=None)
    )


def give_back(connection: Connection, held: Sequence[Job]) -> None:
    """Let jobs wait again as if they had not been begun: it was no fault of theirs.

    Args:
        connection: in a transaction that writes.
        held: jobs; those that are not held any more are left alone.
    """
    for one in held:
        if is_held(connection, one):
            connection.execute(
                update(job)
                .where(job.c.id == one.id)
                .values(state="queued", lease_until=None, attempts=one.attempts - 1)
            )


def release(connection: Connection, kinds: Sequence[JobKind], *, is_fault: bool = True) -> None:
    """End every lease on jobs of some kinds: whoever held one is gone.

    Args:
        connection: in a transaction that writes.
        kinds: of the jobs.
        is_fault: whether the job may be why it is gone; else it was not begun.
    """
    spared = 0 if is_fault else 1
    connection.execute(
        update(job)
        .where(job.c.state == "running", job.c.kind.in_(kinds))
        .values(state="queued", lease_until=None, attempts=job.c.attempts - spared)
    )


def ask_new_model(connection: Connection, bundle: str, ids: Sequence[str]) -> None:
    """Let another model than before answer for cases.

    Args:
        connection: in a transaction that writes.
        bundle: digest of the model that answers from now on.
        ids: of cases that wait for a reader and may be seen by a model.
    """
    # Maps were asked of the model before, and what it had not answered nobody waits for.
    connection.execute(delete(job).where(job.c.kind == "explain"))
    connection.execute(
        delete(job).where(
            job.c.kind == "predict", job.c.order != bundle, job.c.state.in_(("queued", "running"))
        )
    )
    for one in ids:
        enqueue(connection, "predict", one, bundle)


def count_waiting(connection: Connection, kinds: Sequence[JobKind]) -> int:
    """Count jobs that are not ended."""
    asked = (
        select(func.count())
        .select_from(job)
        .where(job.c.state.in_(("queued", "running")), job.c.kind.in_(kinds))
    )
    return int(connection.execute(asked).scalar_one())


def has_overdue(connection: Connection, kinds: Sequence[JobKind]) -> bool:
    """Say whether a worker holds a job for longer than its lease: it hangs."""
    asked = select(job.c.id).where(
        job.c.state == "running", job.c.kind.in_(kinds), job.c.lease_until < count_seconds()
    )
    return connection.execute(asked).first() is not None
