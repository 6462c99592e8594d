"""The machine decides a case, or refers it; and a person takes a decided case back.

SPDX-License-Identifier: Apache-2.0
"""

import secrets
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from cxrlens.client.messages import DecisionKind, DecisionTold, RecallReason
from cxrlens.serving.certificates import find_rules, list_carrying, read_outputs
from cxrlens.serving.clock import count_seconds, tell_time
from cxrlens.serving.conditions import is_decided
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed, is_automated
from cxrlens.serving.room import RoomState, decides_alone, read_state
from cxrlens.serving.ruling import Reservation, Ruling, list_reservations, rule
from cxrlens.serving.standing import review
from cxrlens.serving.tables import case, claim, decision, person, prediction, reading
from cxrlens.serving.trail import MACHINE_DECIDED, MACHINE_REFERRED, SYSTEM, append, digest_decision
from cxrlens.vocabulary import lower_level


def decide(connection: Connection, case_id: str) -> None:
    """Decide a case that the model has just answered, if its level and the evidence allow it.

    Args:
        connection: in the transaction that stores the answer.
        case_id: of the case.
    """
    # The lot goes first: whatever follows, who draws a reader has drawn one.
    drawn = secrets.randbelow(100)
    if not _may_decide(connection, case_id):
        return
    state = review(connection)
    if not _may_decide(connection, case_id):
        return  # the evidence fell just now, and the case with it
    row = connection.execute(select(case).where(case.c.id == case_id)).one()
    answered = connection.execute(
        select(prediction).where(
            prediction.c.case_id == case_id,
            prediction.c.bundle == state.bundle,
            prediction.c.preparation == state.preparation,
        )
    ).first()
    if answered is None:
        return  # of another model, or another way from file to pixels: nothing is certified of it
    held = list_carrying(connection)
    outputs = read_outputs(connection)
    # A case that came at partial is decided as at partial, also in a room that is at full now.
    level = lower_level(row.level, state.level)
    rules, ids = find_rules(held, outputs, level)
    scores = {one["name"]: float(one["probability"]) for one in answered.answer["classes"]}
    found = rule(outputs, scores, rules, _list_reservations(connection, row, answered))
    does_decide = decides_alone(connection, state)
    is_drawn = drawn < state.settings.spot_check_percent or not does_decide
    _store(connection, state, case_id, found, (_name_kind(found, does_decide), ids, is_drawn))


def recall_case(
    connection: Connection, case_id: str, reason: RecallReason, actor: SignedIn
) -> None:
    """Take a decided case back: readers get it, at assistance or a lower level.

    Args:
        connection: in a transaction that writes.
        case_id: of the case.
        reason: why.
        actor: who takes it back.

    Raises:
        NotAllowed: if the machine did not decide it, or somebody took it back already.
    """
    # Of a drawn case it says the same as of a referred one: readers get both anyway, and must not
    # learn which of them was decided.
    asked = select(case.c.id).where(case.c.id == case_id, is_decided())
    if connection.execute(asked).first() is None:
        raise NotAllowed(
            "not-decided", "the machine did not decide this case, or it was taken back already"
        )
    recall(connection, [case_id], reason, actor.id)


def recall_by_certificate(connection: Connection, certificate_id: str, actor: SignedIn) -> int:
    """Take back every case that was decided by a certificate and that nobody is asked to read.

    Drawn cases stay as they are: they are read anyway, and only without the machine's answer are
    they a check.

    Returns:
        How many.
    """
    rows = connection.execute(
        select(decision.c.case_id, decision.c.certificates).where(
            decision.c.kind == "decided",
            decision.c.is_drawn.is_(False),
            decision.c.recalled_at.is_(None),
        )
    )
    ids = [row.case_id for row in rows if certificate_id in row.certificates]
    recall(connection, ids, "promise-broken", actor.id)
    return len(ids)


def recall(connection: Connection, ids: list[str], reason: RecallReason, actor: str) -> None:
    """Give decided cases to readers.

    Args:
        connection: in a transaction that writes.
        ids: of cases that the machine decided.
        reason: why.
        actor: id of who does it.
    """
    level = lower_level(read_state(connection).level, "assistance")
    for case_id in ids:
        connection.execute(
            update(decision)
            .where(decision.c.case_id == case_id)
            .values(recalled_at=tell_time(), recalled_by=actor, recall_reason=reason)
        )
        own = connection.execute(select(case.c.level).where(case.c.id == case_id)).scalar_one()
        said_by = select(decision.c.bundle).where(decision.c.case_id == case_id)
        connection.execute(
            update(case)
            .where(case.c.id == case_id)
            # Everybody could see what the machine had said: no reading from now on is without it.
            .values(level=lower_level(own, level), seen_bundle=said_by.scalar_subquery())
        )
        append(connection, actor, "case-recalled", case_id, {"reason": reason})


def tell_decision(connection: Connection, case_id: str) -> DecisionTold | None:
    """Tell what the machine did with a case; None where it did nothing.

    Args:
        connection: in a transaction.
        case_id: of the case.
    """
    row = connection.execute(
        select(decision, person.c.name)
        .outerjoin(person, person.c.id == decision.c.recalled_by)
        .where(decision.c.case_id == case_id)
    ).first()
    if row is None:
        return None
    return DecisionTold(
        kind=row.kind,
        words=row.words,
        reason=row.reason,
        findings=row.findings,
        certificates=tuple(row.certificates),
        bundle=row.bundle,
        at=row.at,
        is_spot_check=row.is_drawn and row.kind == "decided",
        recalled_at=row.recalled_at,
        recalled_by=row.name,
        recall_reason=row.recall_reason,
    )


def _may_decide(connection: Connection, case_id: str) -> bool:
    row = connection.execute(select(case.c.level, case.c.state).where(case.c.id == case_id)).one()
    known = connection.execute(select(decision.c.case_id).where(decision.c.case_id == case_id))
    level = lower_level(row.level, read_state(connection).level)
    # Its patient may have been erased since the machine answered.
    return row.state == "ready" and is_automated(level) and known.first() is None


def _name_kind(found: Ruling, does_decide: bool) -> DecisionKind:
    if found.findings is None:
        return "referred" if does_decide else "would-refer"
    return "decided" if does_decide else "would-decide"


def _store(
    connection: Connection,
    state: RoomState,
    case_id: str,
    found: Ruling,
    how: tuple[DecisionKind, tuple[str, ...], bool],
) -> None:
    kind, ids, is_drawn = how
    values: dict[str, object] = {
        "case_id": case_id,
        "bundle": state.bundle,
        "kind": kind,
        "reason": found.reason,
        "words": found.words,
        "findings": found.findings,
        "certificates": list(ids),
        "is_drawn": is_drawn,
        "at": tell_time(),
    }
    connection.execute(insert(decision).values(**values))
    action = MACHINE_DECIDED if found.findings is not None else MACHINE_REFERRED
    append(
        connection, SYSTEM, action, case_id,
        {"kind": kind, "reason": found.reason, "decision": digest_decision(values)},
    )  # fmt: skip


def _list_reservations(
    connection: Connection, row: Row[Any], answered: Row[Any]
) -> list[Reservation]:
    """Why a case is not decided whatever its scores, the most telling first."""
    found: list[Reservation] = []
    held = connection.execute(
        select(claim.c.case_id).where(claim.c.case_id == row.id, claim.c.until > count_seconds())
    ).first()
    begun = connection.execute(select(reading.c.seq).where(reading.c.case_id == row.id)).first()
    if held is not None or begun is not None:
        found.append(Reservation("policy", "a reader was at it before the machine had answered"))
    if answered.was_trained_on:
        found.append(Reservation("policy", "the model was trained on this image"))
    warnings = [one["reason"] for one in row.warnings]
    distance = answered.answer.get("out_of_distribution")
    limit = answered.answer.get("out_of_distribution_limit")
    return [*found, *list_reservations(warnings, distance, limit)]
