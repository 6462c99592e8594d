"""Certificates of a room: made by a test, watched as long as they hold, ended for good.

SPDX-License-Identifier: Apache-2.0
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, func, insert, select, update

from cxrlens.client.automation import GateSettings
from cxrlens.client.messages import Side
from cxrlens.evaluation import Certificate, CertifiedBundle, DriftPlan, join_certificates
from cxrlens.serving.agreement_watch import find_usual
from cxrlens.serving.clock import tell_time
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.room import RoomState, read_state
from cxrlens.serving.ruling import Outputs, Rule, join, settles_all
from cxrlens.serving.tables import case, certificate, promise, room
from cxrlens.serving.trail import (
    CERTIFICATE_MADE,
    CERTIFICATE_VOID,
    append,
    digest_certificate,
)
from cxrlens.vocabulary import CxrlensError, InputError, Level, to_plain

_READER = TypeAdapter(Certificate)


@dataclass(frozen=True)
class Held:
    """A certificate of the room."""

    id: str
    """Of the certificate."""

    promise_id: str
    """Of the promise that it was tested for."""

    line: int
    """Of the trail that tells of it."""

    told: Certificate
    """What it says."""

    made_by: str
    """Id of the person."""

    after_number: int
    """The newest case when it was made."""

    usual: dict[str, float] | None
    """How agreement is watched: share of disagreements as it was, and the one to be found."""

    plan: DriftPlan
    """How drift is watched."""

    drift: list[dict[str, Any]]
    """Looks that were made."""

    n_looks: int
    """How many of the plan."""

    voided_at: str | None
    """When it ended; None as long as nobody has found that it did."""

    why_void: str | None
    """Why."""

    @property
    def rule(self) -> Rule:
        """What it lets the machine decide."""
        return Rule(self.told.finding, self.told.decides, self.told.threshold)


def keep_certificate(
    connection: Connection, promise_id: str, made: Certificate, actor: SignedIn
) -> str:
    """Keep a certificate that a promise's test gave.

    From now on its drift is watched: cases up to the newest one now are the reference.

    Args:
        connection: in a transaction that writes.
        promise_id: of the promise.
        made: by its test.
        actor: who asked for it.

    Returns:
        Its id.
    """
    newest = connection.execute(select(func.coalesce(func.max(case.c.number), 0))).scalar_one()
    values: dict[str, object] = {
        "id": secrets.token_hex(8),
        "promise_id": promise_id,
        "told": to_plain(made),
        "after_number": newest,
        "usual": find_usual(connection, read_state(connection), made.finding),
    }
    key = str(values["id"])
    line = append(
        connection, actor.id, CERTIFICATE_MADE, key,
        {
            "promise": promise_id, "finding": made.finding, "decides": made.decides,
            "threshold": made.threshold, "risk": made.risk, "delta": made.delta,
            "tested": made.n_tested, "wrong": made.n_wrong, "data": made.data,
            "bundle": made.bundle, "expires": made.expires, "digest": digest_certificate(values),
        },
    )  # fmt: skip
    connection.execute(
        insert(certificate).values(**values, line=line, made_by=actor.id, drift=[], n_looks=0)
    )
    return key


def list_held(connection: Connection, *, is_valid: bool = False) -> list[Held]:
    """List the certificates of the room, newest first.

    Args:
        connection: in a transaction.
        is_valid: only those that have not ended, as far as anybody has found.
    """
    asked = (
        select(certificate, promise.c.drift_window, promise.c.drift_looks)
        .join(promise, promise.c.id == certificate.c.promise_id)
        .order_by(certificate.c.line.desc())
    )
    if is_valid:
        asked = asked.where(certificate.c.voided_at.is_(None))
    return [_to_held(row) for row in connection.execute(asked)]


def read_held(connection: Connection, key: str) -> Held:
    """Read one certificate.

    Raises:
        NotAllowed: if there is none.
    """
    found = next((one for one in list_held(connection) if one.id == key), None)
    if found is None:
        raise NotAllowed("no-such-certificate", "there is no certificate with this id: list them")
    return found


def read_gates(connection: Connection) -> GateSettings:
    """Read what the room's levels ask for."""
    kept = connection.execute(select(room.c.gates)).scalar_one()
    return GateSettings() if kept is None else GateSettings.model_validate(kept)


def is_strict_enough(held: Held, gates: GateSettings) -> bool:
    """Say whether a certificate promises, and is watched, as strictly as the room asks for.

    Args:
        held: the certificate.
        gates: of the room.
    """
    lasts = datetime.fromisoformat(held.told.expires) - datetime.fromisoformat(held.told.made_at)
    return (
        held.told.risk <= gates.risk
        and held.told.delta <= gates.delta
        and lasts.total_seconds() <= gates.days * 86400
        and held.plan.window <= gates.drift_window
        and held.plan.looks <= gates.drift_looks
    )


def list_carrying(connection: Connection) -> list[Held]:
    """List the certificates by which the machine may decide now.

    Those that hold, that are as strict as the room asks for, and that were there when somebody
    last set its level: one that was made since has not passed the gate.

    Args:
        connection: in a transaction.
    """
    line, gates = read_state(connection).level_line, read_gates(connection)
    return [
        one for one in list_held(connection, is_valid=True)
        if one.line < line and is_strict_enough(one, gates)
    ]  # fmt: skip


def void_certificate(connection: Connection, held: Held, why: str, actor: str) -> None:
    """End a certificate for good.

    Args:
        connection: in a transaction that writes.
        held: the certificate.
        why: in words.
        actor: who ends it: a person, or the system.
    """
    if held.voided_at is not None:
        return
    connection.execute(
        update(certificate)
        .where(certificate.c.id == held.id)
        .values(voided_at=tell_time(), why_void=why)
    )
    append(connection, actor, CERTIFICATE_VOID, held.id, {"reason": why})


def find_formal_fault(held: Held, state: RoomState) -> str | None:
    """Say why a certificate does not hold by its own words: date, model, way from file to pixels.

    Args:
        held: the certificate.
        state: of the room.

    Returns:
        The reason; None where it holds.
    """
    try:
        held.told.check(CertifiedBundle(state.bundle, state.preparation), datetime.now(UTC))
    except CxrlensError as error:
        return str(error)
    return None


def find_rules(
    held: list[Held], outputs: Outputs, level: Level
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """Find the rules by which cases of a level are decided.

    Args:
        held: certificates that hold.
        outputs: of the model.
        level: `partial`: each certificate decides on its side; `full`: two of one finding decide
            everything, by a cut between their thresholds.

    Returns:
        The rules and the ids of the certificates behind them; none where the certificates do not
        carry the level.
    """
    if level == "partial":
        # Of several for one side the strictest: all of them then keep their promise.
        chosen: dict[tuple[str, Side], Held] = {}
        for one in held:
            key = (one.told.finding, one.told.decides)
            before = chosen.get(key)
            if before is None or _is_stricter(one.told, before.told):
                chosen[key] = one
        return tuple(one.rule for one in chosen.values()), tuple(one.id for one in chosen.values())
    for negative in held:
        for positive in held:
            is_pair = (negative.told.decides, positive.told.decides) == ("negative", "positive")
            if not is_pair or negative.told.finding != positive.told.finding:
                continue
            try:
                cut = join_certificates(negative.told, positive.told)
            except InputError:
                continue
            rules = join(negative.rule, cut)
            if settles_all(outputs, rules):
                return rules, (negative.id, positive.id)
    return (), ()


def read_outputs(connection: Connection) -> Outputs:
    """Say what the model of the room tells apart."""
    row = connection.execute(select(room.c.classes, room.c.is_multilabel)).one()
    return Outputs(tuple(row.classes or ()), bool(row.is_multilabel))


def _is_stricter(one: Certificate, other: Certificate) -> bool:
    if one.decides == "negative":
        return one.threshold < other.threshold
    return one.threshold > other.threshold


def _to_held(row: Row[Any]) -> Held:
    return Held(
        id=row.id,
        promise_id=row.promise_id,
        line=row.line,
        told=_READER.validate_python(row.told),
        made_by=row.made_by,
        after_number=row.after_number,
        usual=row.usual,
        plan=DriftPlan(window=row.drift_window, looks=row.drift_looks),
        drift=list(row.drift),
        n_looks=row.n_looks,
        voided_at=row.voided_at,
        why_void=row.why_void,
    )
