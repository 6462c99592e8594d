"""Which cases wait, in which order, and who is at them.

SPDX-License-Identifier: Apache-2.0

Whatever comes from the model passes `Policy` first, also the order: in human only and shadow it is
that of arrival, and no field, count or event tells of the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from cxrlens.client.messages import CaseLine, Worklist
from cxrlens.serving.clock import count_seconds, tell_time
from cxrlens.serving.conditions import is_awaited, is_decided
from cxrlens.serving.patients import UNKNOWN
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed, Standing
from cxrlens.serving.readings import read_standing
from cxrlens.serving.room import RoomState
from cxrlens.serving.tables import case, claim, decision, look, patient, person, prediction, reading
from cxrlens.serving.trail import append
from cxrlens.vocabulary import LEVELS

CLAIM_SECONDS = 30 * 60.0
"""How long a case stays claimed without a word from its reader."""

Shown = Literal["open", "read", "decided", "refused", "all"]
"""Which cases a worklist lists: those that wait for this reader; those that were read; those that
the machine decided and nobody is asked to read; those that cannot be; or all."""

AWAITED = timedelta(minutes=10)
"""For so long nobody is asked to read a case that the machine may decide."""


Part = Literal["none", "opened", "first-answer", "committed"]
"""How far a reader is with a case."""


@dataclass(frozen=True)
class Query:
    """What a reader wants to see of the worklist."""

    shown: Shown = "open"
    """Which cases."""

    search: str = ""
    """Part of the patient's ID or name, or the number of the case."""

    is_mine: bool = False
    """Only those that the reader has claimed."""

    after: int = 0
    """How many lines to leave out."""

    limit: int = 50
    """How many to give."""


def list_cases(
    connection: Connection, state: RoomState, reader: SignedIn, query: Query
) -> Worklist:
    """List cases in the order in which they should be read.

    Args:
        connection: in a transaction.
        state: of the room.
        reader: who asks.
        query: what they want to see.
    """
    is_ordered = state.policy.orders_by_machine(state.level) and query.shown == "open"
    asked = _filter(_select_lines(state, reader), state, reader, query)
    # A case that fell to, or came at, a level without a machine keeps its place by arrival.
    urgency = _urgency(state)
    order: tuple[Any, ...] = (urgency.desc(), case.c.number) if is_ordered else (case.c.number,)
    if query.shown != "open":
        order = (case.c.number.desc(),)
    rows = connection.execute(
        asked.order_by(*order).offset(query.after).limit(query.limit + 1)
    ).all()
    more = len(rows) > query.limit
    counts = _count(connection, state, reader)
    return Worklist(
        cases=tuple(_tell(row, state, reader) for row in rows[: query.limit]),
        order="priority" if is_ordered else "arrival",
        n_open=counts["open"],
        n_read=counts["read"],
        n_refused=counts["refused"],
        n_waiting=counts["waiting"],
        n_decided=counts["decided"],
        after=query.after + query.limit if more else None,
    )


def tell_lines(
    connection: Connection, state: RoomState, reader: SignedIn, ids: Sequence[str]
) -> dict[str, CaseLine]:
    """Tell of some cases.

    Returns:
        One line a case that exists, by its id.
    """
    rows = connection.execute(_select_lines(state, reader).where(case.c.id.in_(ids)))
    return {row.id: _tell(row, state, reader) for row in rows}


def find_next(
    connection: Connection, state: RoomState, reader: SignedIn, left_out: str | None = None
) -> str | None:
    """Give the case that the reader should read next: one they claimed, else the first free one.

    Args:
        connection: in a transaction.
        state: of the room.
        reader: who asks.
        left_out: a case that is not meant, since the reader has it open.
    """
    for is_mine in (True, False):
        asked = _filter(
            _select_lines(state, reader), state, reader, Query("open", is_mine=is_mine)
        ).where(or_(claim.c.person_id.is_(None), claim.c.person_id == reader.id))
        if left_out is not None:
            asked = asked.where(case.c.id != left_out)
        first: tuple[Any, ...] = (case.c.number,)
        if state.policy.orders_by_machine(state.level):
            first = (_urgency(state).desc(), case.c.number)
        row = connection.execute(asked.order_by(*first).limit(1)).first()
        if row is not None:
            return str(row.id)
    return None


def claim_case(connection: Connection, state: RoomState, reader: SignedIn, case_id: str) -> None:
    """Keep a case for a reader, or keep it longer.

    Raises:
        NotAllowed: if it cannot be read, or somebody else has it.
    """
    state.policy.advance(read_standing(connection, state, reader, case_id), "claim")
    held = connection.execute(
        select(claim).where(claim.c.case_id == case_id, claim.c.until > count_seconds())
    ).first()
    if held is not None and held.person_id != reader.id:
        raise NotAllowed("claimed", "somebody else has claimed this case: take the next")
    connection.execute(delete(claim).where(claim.c.case_id == case_id))
    connection.execute(
        insert(claim).values(
            case_id=case_id, person_id=reader.id, until=count_seconds() + CLAIM_SECONDS
        )
    )
    if held is None:
        # Reading begins now, however often the reader looked at it before.
        connection.execute(
            update(look)
            .where(look.c.case_id == case_id, look.c.person_id == reader.id)
            .values(opened=count_seconds())
        )
        append(connection, reader.id, "claimed", case_id)


def release_case(connection: Connection, reader: SignedIn, case_id: str) -> None:
    """Give a case back; a lead may give back those of others."""
    gone = delete(claim).where(claim.c.case_id == case_id)
    if not reader.may_act_as("lead"):
        gone = gone.where(claim.c.person_id == reader.id)
    if connection.execute(gone).rowcount:
        append(connection, reader.id, "released", case_id)


def _urgency(state: RoomState) -> Any:  # noqa: ANN401 - an expression of SQLAlchemy's
    """The priority, where the case's own level lets it order; else 0."""
    seen = [level for level in LEVELS if state.policy.orders_by_machine(level)]
    return func.coalesce(
        select(prediction.c.priority)
        .where(
            prediction.c.case_id == case.c.id,
            prediction.c.bundle == state.bundle,
            case.c.level.in_(seen),
        )
        .correlate(case)
        .scalar_subquery(),
        0.0,
    )


def _select_lines(state: RoomState, reader: SignedIn) -> Select[Any]:
    own = {
        kind: select(reading.c.level)
        .where(
            reading.c.case_id == case.c.id,
            reading.c.person_id == reader.id,
            reading.c.kind == kind,
        )
        .limit(1)
        .correlate(case)
        .scalar_subquery()
        for kind in ("first", "final")
    }
    holder = and_(claim.c.case_id == case.c.id, claim.c.until > count_seconds())
    answered = and_(prediction.c.case_id == case.c.id, prediction.c.bundle == state.bundle)
    seen = and_(look.c.case_id == case.c.id, look.c.person_id == reader.id)
    return (
        select(
            case,
            patient.c.patient_id,
            patient.c.name.label("patient_name"),
            claim.c.person_id.label("holder_id"),
            person.c.name.label("holder"),
            prediction.c.priority,
            prediction.c.answer,
            look.c.opened_at,
            look.c.shown_at,
            decision.c.kind.label("decided"),
            decision.c.words.label("decided_words"),
            is_decided().label("is_decided"),
            own["first"].label("first_level"),
            own["final"].label("final_level"),
        )
        .outerjoin(patient, patient.c.pseudonym == case.c.pseudonym)
        .outerjoin(claim, holder)
        .outerjoin(person, person.c.id == claim.c.person_id)
        .outerjoin(prediction, answered)
        .outerjoin(look, seen)
        .outerjoin(decision, decision.c.case_id == case.c.id)
    )


def _filter(asked: Select[Any], state: RoomState, reader: SignedIn, query: Query) -> Select[Any]:
    if query.shown == "open":
        asked = asked.where(_is_open(state, reader))
    elif query.shown == "read":
        asked = asked.where(_is_read(state, reader))
    elif query.shown == "decided":
        asked = asked.where(_is_closed(reader))
    elif query.shown == "refused":
        asked = asked.where(case.c.state.in_(("refused", "quarantined", "duplicate")))
    else:
        asked = asked.where(case.c.state != "erased")
    if query.is_mine:
        asked = asked.where(claim.c.person_id == reader.id)
    wanted = query.search.strip()
    if wanted:
        pattern = f"%{_escape(wanted)}%"
        fits: list[ColumnElement[bool]] = [
            patient.c.patient_id.ilike(pattern, escape="\\"),
            patient.c.name.ilike(pattern, escape="\\"),
        ]
        if wanted.isdecimal() and len(wanted) < 16:
            fits.append(case.c.number == int(wanted))
        asked = asked.where(or_(*fits))
    return asked


def _has_final(reader: SignedIn) -> Any:  # noqa: ANN401 - an expression of SQLAlchemy's
    return (
        select(reading.c.seq)
        .where(
            reading.c.case_id == case.c.id,
            reading.c.person_id == reader.id,
            reading.c.kind == "final",
        )
        .correlate(case)
        .exists()
    )


def _is_open(state: RoomState, reader: SignedIn) -> Any:  # noqa: ANN401 - as above
    is_wanted = case.c.n_read < state.settings.readers_per_case
    is_mine = and_(is_wanted, ~_has_final(reader), ~is_decided(), ~is_awaited(tell_time(-AWAITED)))
    return and_(case.c.state == "ready", is_mine)


def _is_read(state: RoomState, reader: SignedIn) -> Any:  # noqa: ANN401 - as above
    is_full = case.c.n_read >= state.settings.readers_per_case
    return and_(case.c.state == "ready", or_(is_full, _has_final(reader)))


def _is_closed(reader: SignedIn) -> Any:  # noqa: ANN401 - as above
    return and_(case.c.state == "ready", is_decided(), ~_has_final(reader))


def _count(connection: Connection, state: RoomState, reader: SignedIn) -> dict[str, int]:
    def count(condition: Any) -> int:  # noqa: ANN401 - as above
        asked = select(func.count()).select_from(case).where(condition)
        return int(connection.execute(asked).scalar_one())

    waits = or_(case.c.state == "received", is_awaited(tell_time(-AWAITED)))
    return {
        "open": count(_is_open(state, reader)),
        "read": count(_is_read(state, reader)),
        "decided": count(_is_closed(reader)),
        "refused": count(case.c.state.in_(("refused", "quarantined", "duplicate"))),
        "waiting": count(waits),
    }


def _tell(row: Row[Any], state: RoomState, reader: SignedIn) -> CaseLine:
    standing = Standing(
        level=row.final_level or row.level,
        is_readable=row.state == "ready",
        has_first=row.first_level is not None,
        has_seen=row.shown_at is not None or row.seen_bundle is not None,
        is_committed=row.final_level is not None,
        is_full=row.n_read >= state.settings.readers_per_case,
        is_decided=bool(row.is_decided),
    )
    shows = state.policy.shows_machine(standing)
    part: Part = "none" if row.opened_at is None else "opened"
    if standing.has_first:
        part = "first-answer"
    if standing.is_committed:
        part = "committed"
    return CaseLine(
        id=row.id,
        number=row.number,
        state=row.state,
        received_at=row.received_at,
        patient=row.patient_id or UNKNOWN,
        view=row.view,
        level=standing.level,
        n_warnings=len(row.warnings),
        claimed_by=row.holder,
        is_mine=row.holder_id == reader.id,
        is_read=standing.is_full,
        my_part=part,
        reason=row.reason,
        priority=row.priority if shows else None,
        decision=row.answer["decision"] if shows and row.answer is not None else None,
        decided=row.decided if shows else None,
        decided_words=row.decided_words if shows else None,
    )


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
