"""A case as one person may see it.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Any

from sqlalchemy import Connection, Row, and_, select

from cxrlens.client.messages import (
    Case,
    CaseLine,
    ClassAnswer,
    MachineAnswer,
    MapTold,
    PixelFacts,
    RegionTold,
    Warned,
)
from cxrlens.serving.bundle_facts import METHODS
from cxrlens.serving.deciding import tell_decision
from cxrlens.serving.jobs import JobKind
from cxrlens.serving.people import SignedIn
from cxrlens.serving.readings import list_readings, read_standing
from cxrlens.serving.room import RoomState
from cxrlens.serving.tables import case, decision, heatmap, job, prediction, reading
from cxrlens.serving.worklist import tell_lines


def may_see_machine(
    connection: Connection, state: RoomState, reader: SignedIn, case_id: str
) -> bool:
    """Say whether a person may see what the model made of a case.

    Args:
        connection: in a transaction.
        state: of the room.
        reader: who asks.
        case_id: of a case; of one that is not there nobody sees anything.
    """
    if connection.execute(select(case.c.id).where(case.c.id == case_id)).first() is None:
        return False
    return state.policy.shows_machine(read_standing(connection, state, reader, case_id))


def may_know(connection: Connection, state: RoomState, lead: SignedIn, case_id: str) -> bool:
    """Say whether a lead may know that the model answered for a case: not while they may read it.

    Args:
        connection: in a transaction.
        state: of the room.
        lead: who asks.
        case_id: of a case that exists.
    """
    standing = read_standing(connection, state, lead, case_id)
    if not standing.is_readable or standing.is_full or standing.is_committed:
        return True
    return state.policy.shows_machine(standing)


def view_case(
    connection: Connection, state: RoomState, reader: SignedIn, case_id: str
) -> Case | None:
    """Give a case as a person may see it.

    Args:
        connection: in a transaction.
        state: of the room.
        reader: who asks.
        case_id: as it was asked for.

    Returns:
        None where there is no such case.
    """
    row = connection.execute(select(case).where(case.c.id == case_id)).first()
    if row is None:
        return None
    standing = read_standing(connection, state, reader, case_id)
    shows = state.policy.shows_machine(standing)
    machine, note = None, None
    if shows:
        bundle = choose_bundle(connection, state, reader, case_id)
        machine = _tell_machine(connection, bundle, case_id)
        note = None if machine else _explain_absence(connection, state, case_id)
    earlier = _find_earlier(connection, row)
    lines = tell_lines(connection, state, reader, [case_id, *earlier])
    sees_all = reader.may_act_as("lead") and (standing.is_committed or standing.is_full)
    return Case(
        line=lines[case_id],
        message=row.message,
        pixels=_tell_pixels(row),
        warnings=tuple(Warned(**one) for one in row.warnings),
        earlier=tuple(_tell_earlier(lines[one], shows=shows) for one in earlier),
        may=state.policy.list_actions(standing),
        machine=machine,
        machine_note=note,
        decision=tell_decision(connection, case_id) if shows else None,
        readings=list_readings(connection, case_id, None if sees_all else reader.id),
    )


def choose_bundle(connection: Connection, state: RoomState, reader: SignedIn, case_id: str) -> str:
    """Say whose answer a person sees: of a case that they committed, that of then.

    Of one that the machine decided, that of the model which did.
    """
    then = connection.execute(
        select(reading.c.bundle)
        .join(
            prediction,
            and_(
                prediction.c.case_id == reading.c.case_id,
                prediction.c.bundle == reading.c.bundle,
            ),
        )
        .where(
            reading.c.case_id == case_id,
            reading.c.person_id == reader.id,
            reading.c.kind == "final",
        )
    ).scalar()
    if then is None:
        then = connection.execute(
            select(decision.c.bundle).where(
                decision.c.case_id == case_id, decision.c.kind == "decided"
            )
        ).scalar()
    return then or state.bundle


def find_map(connection: Connection, bundle: str, case_id: str, map_id: str) -> Row[Any] | None:
    """Find a heat-map of a case by a model; None where there is none."""
    return connection.execute(
        select(heatmap).where(
            heatmap.c.id == map_id, heatmap.c.case_id == case_id, heatmap.c.bundle == bundle
        )
    ).first()


def _tell_earlier(line: CaseLine, *, shows: bool) -> CaseLine:
    """What the model said of a like image says something of this one too."""
    return (
        line
        if shows
        else line.model_copy(
            update={"priority": None, "decision": None, "decided": None, "decided_words": None}
        )
    )


def _tell_pixels(row: Row[Any]) -> PixelFacts | None:
    if row.state != "ready":
        return None
    spacing = None if row.spacing is None else (float(row.spacing[0]), float(row.spacing[1]))
    return PixelFacts(width=row.width, height=row.height, bits=row.bits, spacing_mm=spacing)


def _find_earlier(connection: Connection, row: Row[Any]) -> list[str]:
    if row.pseudonym is None:
        return []
    return list(
        connection.execute(
            select(case.c.id)
            .where(
                case.c.pseudonym == row.pseudonym,
                case.c.number != row.number,
                case.c.state == "ready",
            )
            .order_by(case.c.number.desc())
            .limit(20)
        ).scalars()
    )


def _tell_machine(connection: Connection, bundle: str, case_id: str) -> MachineAnswer | None:
    row = connection.execute(
        select(prediction).where(prediction.c.case_id == case_id, prediction.c.bundle == bundle)
    ).first()
    if row is None:
        return None
    answer = row.answer
    maps = connection.execute(
        select(heatmap).where(heatmap.c.case_id == case_id, heatmap.c.bundle == bundle)
    ).all()
    # The map that a viewer shows unasked is of the class that the decision is for.
    rank = {one["name"]: (not one["is_decided"], -one["probability"]) for one in answer["classes"]}
    maps = sorted(maps, key=lambda one: (METHODS.index(one.method), rank[one.class_name]))
    return MachineAnswer(
        bundle=row.bundle,
        engine=row.engine,
        decision=answer["decision"],
        classes=tuple(ClassAnswer(**one) for one in answer["classes"]),
        regions=tuple(RegionTold(**one) for one in answer["regions"]),
        maps=tuple(
            MapTold(
                id=one.id,
                method=one.method,
                class_name=one.class_name,
                is_usable=one.is_usable,
            )
            for one in maps
        ),
        ordered=_list_orders(connection, case_id),
        warnings=tuple(Warned(**one) for one in answer["warnings"]),
        # Answers that were stored before it was measured do not say.
        out_of_distribution=answer.get("out_of_distribution"),
        out_of_distribution_limit=answer.get("out_of_distribution_limit"),
    )


def _list_orders(connection: Connection, case_id: str) -> tuple[str, ...]:
    asked = select(job.c.order).where(
        job.c.case_id == case_id, job.c.kind == "explain", job.c.state.in_(("queued", "running"))
    )
    return tuple(connection.execute(asked).scalars())


def _explain_absence(connection: Connection, state: RoomState, case_id: str) -> str:
    kind: JobKind = "predict"
    row = connection.execute(
        select(job.c.state, job.c.message).where(
            job.c.case_id == case_id, job.c.kind == kind, job.c.order == state.bundle
        )
    ).first()
    if row is None:
        return "not asked"
    return f"failed: {row.message}" if row.state == "failed" else "pending"
