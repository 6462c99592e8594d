"""Whether the evidence for an automated level still stands; where it fell, the level falls.

SPDX-License-Identifier: Apache-2.0
"""

from datetime import timedelta

from sqlalchemy import Connection

from cxrlens.serving.agreement_watch import chart_agreement
from cxrlens.serving.certificates import (
    Held,
    find_formal_fault,
    find_rules,
    list_carrying,
    list_held,
    read_gates,
    read_outputs,
    void_certificate,
)
from cxrlens.serving.clock import tell_time
from cxrlens.serving.policy import is_automated
from cxrlens.serving.room import RoomState, read_state, set_level
from cxrlens.serving.spot_checks import count_late, find_broken_promise
from cxrlens.serving.trail import SYSTEM


def review(connection: Connection) -> RoomState:
    """Void what does not hold any more, and let the level fall where its evidence did.

    It is asked before every decision, after every reading, and whenever somebody looks; drift,
    which takes longer, is looked for where images are answered (`drift_watch`).

    Args:
        connection: in a transaction that writes.

    Returns:
        The room as it is now.
    """
    state = read_state(connection)
    faults: list[str] = []
    for held in list_held(connection, is_valid=True):
        why = find_fault(connection, held, state)
        if why is not None:
            void_certificate(connection, held, why, SYSTEM)
            faults.append(why)
    return fall(connection, faults)


def find_fault(connection: Connection, held: Held, state: RoomState) -> str | None:
    """Say why a certificate does not hold any more; None where nothing is known against it.

    Args:
        connection: in a transaction.
        held: the certificate.
        state: of the room.
    """
    why = find_formal_fault(held, state)
    if why is not None:
        return why
    broken = find_broken_promise(connection, held)
    if broken is not None:
        return f"the promise is broken: {broken}"
    if held.usual is not None:
        chart = chart_agreement(connection, state, held.told.finding, held.usual, held.after_number)
        if chart.alarm is not None:
            return f"agreement changed: {chart.alarm.why}"
    days = read_gates(connection).spot_check_days
    n_late = count_late(connection, held, tell_time(timedelta(days=-days)))
    if n_late:
        return (
            f"{n_late} spot checks have waited for a reader for more than {days} days: nobody "
            "would know whether the promise is kept"
        )
    if held.n_looks >= held.plan.looks:
        return (
            f"all {held.plan.looks} looks for drift that were declared are made, and nobody would "
            "watch from now on; certify anew"
        )
    return None


def fall(connection: Connection, faults: list[str]) -> RoomState:
    """Let an automated room fall to assistance where evidence for its level is gone.

    It falls with any certificate, also where another would carry the level: people look first.

    Args:
        connection: in a transaction that writes.
        faults: why certificates were voided just now.

    Returns:
        The room as it is now.
    """
    state = read_state(connection)
    if not is_automated(state.level):
        return state
    why = "; ".join(faults)
    if not why:
        held = list_carrying(connection)
        if find_rules(held, read_outputs(connection), state.level)[0]:
            return state
        why = "no certificate carries the level"
    set_level(connection, "assistance", f"fell by itself: {why}", SYSTEM)
    return read_state(connection)
