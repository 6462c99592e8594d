"""Promises of what the machine may decide alone: made first, tested later.

SPDX-License-Identifier: Apache-2.0
"""

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from cxrlens.client.automation import PromiseNew, PromiseTold
from cxrlens.evaluation import Certificate, CertifiedBundle, Promise, certify
from cxrlens.serving.certificates import read_outputs
from cxrlens.serving.clock import tell_time
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.readings import Classes
from cxrlens.serving.room import RoomState, read_state
from cxrlens.serving.tables import person, promise
from cxrlens.serving.tested_cases import Gathered, gather, gather_workload
from cxrlens.serving.trail import (
    PROMISE_MADE,
    PROMISE_TESTED,
    PROMISE_WITHDRAWN,
    append,
    digest_promise,
)
from cxrlens.vocabulary import InputError


def make_promise(
    connection: Connection, asked: PromiseNew, classes: Classes, actor: SignedIn
) -> str:
    """Make a promise; only what becomes known after it counts for its test.

    Args:
        connection: in a transaction that writes.
        asked: what is promised.
        classes: of the room.
        actor: who promises.

    Returns:
        Id of the promise.

    Raises:
        NotAllowed: if the class is unknown, a number is out of its range, a look could not certify
            anything however few decisions are wrong, or another promise of the same class and side
            is open: of several that are tested on the same cases one may pass by chance alone.
    """
    classes.check_name(asked.finding)
    made = _check(asked)
    if datetime.fromisoformat(made.expires) <= datetime.now(UTC):
        raise NotAllowed(
            "promise-impossible", f"the promise would end at {asked.expires}, which is past"
        )
    is_same = (promise.c.finding == asked.finding, promise.c.decides == asked.decides)
    known = select(promise.c.id).where(*is_same, promise.c.state == "open")
    if (other := connection.execute(known).scalar()) is not None:
        raise NotAllowed(
            "promise-open",
            f"promise {other} to decide {asked.finding!r} {asked.decides} is still open, and two "
            "are not tested on the same cases: test or withdraw it first",
        )
    key = secrets.token_hex(8)
    state = read_state(connection)
    _refuse_twin(connection, state, asked.finding)
    values = {
        "id": key, "bundle": state.bundle, "preparation": state.preparation,
        **asked.model_dump(mode="json"),
    }  # fmt: skip
    line = append(
        connection, actor.id, PROMISE_MADE, key,
        {
            "finding": asked.finding, "decides": asked.decides, "risk": asked.risk,
            "delta": asked.delta, "looks": [str(one) for one in asked.looks],
            "expires": asked.expires, "digest": digest_promise(values),
        },
    )  # fmt: skip
    connection.execute(
        insert(promise).values(
            **values, line=line, set_by=actor.id, set_at=tell_time(), state="open", tested=[],
        )
    )  # fmt: skip
    return key


def _refuse_twin(connection: Connection, state: RoomState, finding: str) -> None:
    """Refuse the other class of two that exclude each other: it is the same promise once more."""
    outputs = read_outputs(connection)
    if outputs.is_multilabel or len(outputs.classes) != 2:
        return
    other = connection.execute(
        select(promise.c.finding).where(
            promise.c.finding != finding,
            promise.c.state.in_(("open", "certified")),
            promise.c.bundle == state.bundle,
        )
    ).scalar()
    if other is not None:
        raise NotAllowed(
            "promise-twin",
            f"of two classes that exclude each other one is promised about, and here it is "
            f"{other!r}: promise that it is decided the other way round",
        )


def withdraw_promise(connection: Connection, key: str, reason: str, actor: SignedIn) -> None:
    """End a promise that was not certified yet.

    Raises:
        NotAllowed: if it is no longer open.
    """
    _require_open(_read(connection, key))
    connection.execute(update(promise).where(promise.c.id == key).values(state="withdrawn"))
    append(connection, actor.id, PROMISE_WITHDRAWN, key, {"reason": reason})


def try_promise(
    connection: Connection, key: str, actor: SignedIn
) -> tuple[Certificate | None, str]:
    """Test a promise at its next look.

    A look is made once: what did not pass is not tried again on the same cases.

    Args:
        connection: in a transaction that writes.
        key: of the promise.
        actor: who asks for it.

    Returns:
        The certificate, or None and why the look did not pass.

    Raises:
        NotAllowed: if the promise is no longer open, the model has not answered here yet, or
            patients are missing for the look: then nothing was looked at.
    """
    row = _read(connection, key)
    _require_open(row)
    state = read_state(connection)
    if not state.preparation:
        raise NotAllowed(
            "not-certified", "the model has not answered here yet: raise the room to shadow first"
        )
    if (state.bundle, state.preparation) != (row.bundle, row.preparation or state.preparation):
        raise NotAllowed(
            "not-certified",
            "this promise was made of another model, or of another way from file to pixels: "
            "withdraw it, and make one of this model",
        )
    asked = _to_promise(row)
    if datetime.fromisoformat(asked.expires) <= datetime.now(UTC):
        raise NotAllowed(
            "not-certified", f"the promise ended at {asked.expires}: withdraw it, and make another"
        )
    size = row.looks[len(row.tested)]
    found = gather(connection, state, row.finding, row.line)
    n_at_stake = found.count_at_stake(row.decides)
    if n_at_stake < size:
        raise NotAllowed(
            "not-certified",
            f"look {len(row.tested) + 1} was declared after {size} patients {asked.at_stake}, and "
            f"{n_at_stake} are there: {size - n_at_stake} are missing; wait for them",
        )
    made, told = None, ""
    try:
        made = certify(
            found.to_cases().take_first(size, row.decides),
            asked,
            CertifiedBundle(state.bundle, state.preparation),
            gather_workload(connection, state, row.finding),
        )
        told = str(made)
    except InputError as error:
        told = str(error)
    tested = [*row.tested, told]
    after = "certified" if made else "spent" if len(tested) == len(row.looks) else "open"
    connection.execute(
        update(promise).where(promise.c.id == key).values(state=after, tested=tested)
    )
    append(
        connection, actor.id, PROMISE_TESTED, key,
        {"look": len(tested), "passed": made is not None, "patients": size},
    )  # fmt: skip
    return made, told


def list_promises(connection: Connection, state: RoomState) -> tuple[PromiseTold, ...]:
    """List the promises, newest first."""
    rows = connection.execute(
        select(promise, person.c.name)
        .join(person, person.c.id == promise.c.set_by)
        .order_by(promise.c.line.desc())
    ).all()
    return tuple(
        tell_promise(row, row.name, gather(connection, state, row.finding, row.line))
        for row in rows
    )


def tell_promise(row: Row[Any], name: str, found: Gathered) -> PromiseTold:
    """Tell of a promise, and how far it is.

    Args:
        row: of the promise.
        name: of the person who made it.
        found: the cases that count for it.
    """
    n_at_stake = found.count_at_stake(row.decides)
    upcoming = row.looks[len(row.tested)] if row.state == "open" else None
    return PromiseTold(
        id=row.id,
        finding=row.finding,
        decides=row.decides,
        risk=row.risk,
        delta=row.delta,
        looks=tuple(row.looks),
        expires=row.expires,
        set_by=name,
        set_at=row.set_at,
        state=row.state,
        n_at_stake=n_at_stake,
        next_look=upcoming,
        n_missing=0 if upcoming is None else max(upcoming - n_at_stake, 0),
        left_out=found.left_out,
        tested=tuple(row.tested),
    )


def read_promise(connection: Connection, key: str) -> PromiseTold:
    """Tell of one promise.

    Raises:
        NotAllowed: if there is none.
    """
    state = read_state(connection)
    found = next((one for one in list_promises(connection, state) if one.id == key), None)
    if found is None:
        raise _explain_absence()
    return found


def _read(connection: Connection, key: str) -> Row[Any]:
    row = connection.execute(select(promise).where(promise.c.id == key)).first()
    if row is None:
        raise _explain_absence()
    return row


def _explain_absence() -> NotAllowed:
    return NotAllowed("no-such-promise", "there is no promise with this id: list them")


def _require_open(row: Row[Any]) -> None:
    if row.state != "open":
        raise NotAllowed(
            "promise-ended",
            f"this promise is {row.state}: make another one, for cases that become known later",
        )


def _to_promise(row: Row[Any]) -> Promise:
    return Promise(
        finding=row.finding,
        risk=row.risk,
        delta=row.delta,
        looks=tuple(row.looks),
        expires=row.expires,
        decides=row.decides,
    )


def _check(asked: PromiseNew) -> Promise:
    """Make it a promise as `cxrlens.evaluation` knows it, which checks it."""
    try:
        return Promise(
            finding=asked.finding,
            risk=asked.risk,
            delta=asked.delta,
            looks=asked.looks,
            expires=asked.expires,
            decides=asked.decides,
        )
    except InputError as error:
        raise NotAllowed("promise-impossible", str(error)) from error
