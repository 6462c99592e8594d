"""How far the machine decides, on what evidence, and whether that still stands: for people.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, select

from cxrlens.client.automation import (
    AgreementTold,
    Approval,
    Automation,
    CertificateTold,
    Curve,
    CurvePoint,
    DecisionCounts,
    DriftLookTold,
    LevelStep,
    Share,
    WeekCounts,
    WorkTimes,
)
from cxrlens.client.messages import Side
from cxrlens.evaluation import AutomationPoint, measure_proportion, trace_automation
from cxrlens.serving.agreement_watch import FEWEST_READ, chart_agreement
from cxrlens.serving.certificates import Held, list_held, read_gates
from cxrlens.serving.conditions import may_still_read
from cxrlens.serving.drift_watch import count_watched
from cxrlens.serving.gates import judge_gate, measure_out_of_distribution
from cxrlens.serving.people import SignedIn
from cxrlens.serving.promises import list_promises
from cxrlens.serving.room import RoomState, decides_alone, read_approval, read_state
from cxrlens.serving.spot_checks import judge_drawn
from cxrlens.serving.tables import case, decision, job, person, prediction, trail
from cxrlens.serving.tested_cases import gather, gather_workload, number_patients
from cxrlens.serving.trail import LEVEL_SET
from cxrlens.vocabulary import Estimate, Level

_NOT_WATCHED = (
    f"agreement is not watched: fewer than {FEWEST_READ} patients had been read without the "
    "machine when the certificate was made"
)

_GATED: tuple[Level, ...] = ("assistance", "partial", "full")

_LAST = 1000
"""Answers whose times are told."""


def tell_automation(connection: Connection, asker: SignedIn) -> Automation:
    """Tell all of it.

    Args:
        connection: in a transaction.
        asker: who asks; what they may still read is left out of figures that tell of the
            machine's answers.
    """
    state = read_state(connection)
    names = {row.id: row.name for row in connection.execute(select(person))}
    approved = read_approval(connection)
    return Automation(
        level=state.level,
        purpose=state.purpose,
        decides=decides_alone(connection, state),
        approval=None
        if approved is None
        else Approval(**{**approved, "by": names.get(approved["by"], approved["by"])}),
        spot_check_percent=state.settings.spot_check_percent,
        gate_settings=read_gates(connection),
        gates=tuple(judge_gate(connection, level, asker) for level in _GATED),
        promises=list_promises(connection, state),
        certificates=tuple(
            tell_certificate(connection, one, asker) for one in list_held(connection)
        ),
        counts=_count_decisions(connection, state, asker),
        out_of_distribution=measure_out_of_distribution(connection, state, asker),
        times=_measure_times(connection, state, asker),
        levels=_list_levels(connection, names),
    )


def tell_certificate(connection: Connection, held: Held, asker: SignedIn) -> CertificateTold:
    """Tell of a certificate, and of what is known for and against it.

    Args:
        connection: in a transaction.
        held: the certificate.
        asker: who asks; what they may still read is left out, so that no count says what the
            machine did with it.
    """
    state, told = read_state(connection), held.told
    decided = connection.execute(
        select(decision.c.certificates)
        .join(case, case.c.id == decision.c.case_id)
        .where(
            decision.c.kind == "decided",
            decision.c.is_drawn.is_(False),
            decision.c.recalled_at.is_(None),
            ~may_still_read(state, asker.id),
        )
    ).scalars()
    made_by = connection.execute(select(person.c.name).where(person.c.id == held.made_by))
    return CertificateTold(
        id=held.id,
        promise=held.promise_id,
        sentence=str(told),
        finding=told.finding,
        decides=told.decides,
        threshold=told.threshold,
        risk=told.risk,
        delta=told.delta,
        n_tested=told.n_tested,
        n_wrong=told.n_wrong,
        automation=_tell_share(told.automation),
        automation_over=told.automation_over,
        reference=told.reference,
        bundle=told.bundle,
        made_by=made_by.scalar_one(),
        made_at=told.made_at,
        expires=told.expires,
        standing="valid" if held.voided_at is None else "void",
        why_void=held.why_void,
        voided_at=held.voided_at,
        n_decided=sum(held.id in ids for ids in decided),
        spot_checks=judge_drawn(connection, held, asker.id),
        drift=tuple(DriftLookTold.model_validate(_pick(one)) for one in held.drift),
        n_watched=count_watched(connection, state, held),
        next_drift_look=(held.n_looks + 1) * held.plan.window,
        agreement=_tell_agreement(connection, state, held, asker),
        agreement_note=None if held.usual is not None else _NOT_WATCHED,
    )


def trace_curve(
    connection: Connection, finding: str, decides: Side, delta: float, asker: SignedIn
) -> Curve:
    """Trace what share could be automated at which promise.

    Args:
        connection: in a transaction.
        finding: one of the room's classes.
        decides: what is to be decided alone.
        delta: how often each promise may be broken, in (0, 1).
        asker: who asks; what they may still read is left out.
    """
    state = read_state(connection)
    found = gather(connection, state, finding, asker=asker.id)
    workload = gather_workload(connection, state, finding, asker=asker.id)
    points = trace_automation(found.to_cases(), delta, decides=decides, workload=workload)
    return Curve(
        finding=finding,
        decides=decides,
        n_at_stake=found.count_at_stake(decides),
        points=tuple(_tell_point(one) for one in points),
        left_out=found.left_out,
    )


def _tell_point(point: AutomationPoint) -> CurvePoint:
    return CurvePoint(
        risk=point.risk,
        n_missing=point.n_missing,
        threshold=None if point.tested is None else point.tested.threshold,
        automation=None if point.automation is None else _tell_share(point.automation),
        over=point.over,
    )


def _tell_share(found: Estimate) -> Share:
    """A share whose interval is always known (Wilson's)."""
    values = (found.value, found.low, found.high)
    value, low, high = (0.0 if one is None else one for one in values)
    return Share(value=value, low=low, high=high, n=found.n)


def _pick(look: dict[str, Any]) -> dict[str, Any]:
    return {name: look[name] for name in DriftLookTold.model_fields}


def _tell_agreement(
    connection: Connection, state: RoomState, held: Held, asker: SignedIn
) -> AgreementTold | None:
    if held.usual is None:
        return None
    chart = chart_agreement(
        connection, state, held.told.finding, held.usual, held.after_number, asker.id
    )
    steps = np.diff(chart.sums, prepend=0)
    return AgreementTold(
        usual=chart.design.usual,
        worse=chart.design.worse,
        limit=chart.design.limit,
        sums=tuple(chart.sums.tolist()),
        n_differing=int((steps > 0).sum()),
        alarm=None if chart.alarm is None else chart.alarm.why,
    )


def _count_decisions(connection: Connection, state: RoomState, asker: SignedIn) -> DecisionCounts:
    rows = connection.execute(
        select(decision, case.c.pseudonym, may_still_read(state, asker.id).label("is_open"))
        .join(case, case.c.id == decision.c.case_id)
        .order_by(case.c.number)
    ).all()
    share = None
    if rows:
        # What waits is counted, and as not decided: else the share were too large until it is read.
        decided = np.array([_is_decided(row) and not _waits(row) for row in rows], dtype=np.bool_)
        clusters = number_patients([row.pseudonym or row.case_id for row in rows])
        found = measure_proportion(decided, clusters)
        share = Share(value=found.value, low=found.low, high=found.high, n=found.n)
    rows = [row for row in rows if not _waits(row)]
    kinds = Counter(row.kind for row in rows)
    weeks: dict[str, Counter[bool]] = {}
    for row in rows:
        day = datetime.fromisoformat(row.at).date()
        monday = (day - timedelta(days=day.weekday())).isoformat()
        weeks.setdefault(monday, Counter())[_is_decided(row)] += 1
    return DecisionCounts(
        n_decided=kinds["decided"],
        n_would_decide=kinds["would-decide"],
        n_referred=dict(Counter(row.reason for row in rows if row.reason is not None)),
        n_recalled=sum(row.recalled_at is not None for row in rows),
        automation=share,
        by_week=tuple(
            WeekCounts(week=week, n_decided=found[True], n_referred=found[False])
            for week, found in sorted(weeks.items())
        ),
    )


def _is_decided(row: Row[Any]) -> bool:
    return row.findings is not None


def _waits(row: Row[Any]) -> bool:
    """Of a case that was taken back everybody knows."""
    return bool(row.is_open) and row.recalled_at is None


def _measure_times(connection: Connection, state: RoomState, asker: SignedIn) -> WorkTimes:
    waiting = job.c.state.in_(("queued", "running"))
    counts = {
        kind: connection.execute(
            select(func.count()).select_from(job).where(job.c.kind == kind, waiting)
        ).scalar_one()
        for kind in ("check", "predict")
    }
    failed = (
        select(func.count())
        .select_from(job)
        .join(case, case.c.id == job.c.case_id)
        .where(job.c.kind == "predict", job.c.state == "failed", ~may_still_read(state, asker.id))
    )
    oldest = connection.execute(
        select(func.min(case.c.received_at))
        .join(job, job.c.case_id == case.c.id)
        .where(job.c.kind.in_(("check", "predict")), waiting)
    ).scalar_one()
    rows = connection.execute(
        select(prediction.c.seconds, prediction.c.made_at, case.c.received_at)
        .join(case, case.c.id == prediction.c.case_id)
        .where(prediction.c.seconds.is_not(None))
        .order_by(prediction.c.id.desc())
        .limit(_LAST)
    ).all()
    seconds = [row.seconds for row in rows]
    turnaround = [_span(row.received_at, row.made_at) for row in rows]
    return WorkTimes(
        n_checks=counts["check"],
        n_answers=counts["predict"],
        oldest_seconds=None if oldest is None else _age(oldest),
        n_failed=connection.execute(failed).scalar_one(),
        inference_median=_quantile(seconds, 0.5),
        inference_p95=_quantile(seconds, 0.95),
        turnaround_median=_quantile(turnaround, 0.5),
        turnaround_p95=_quantile(turnaround, 0.95),
    )


def _list_levels(connection: Connection, names: dict[str, str]) -> tuple[LevelStep, ...]:
    rows = connection.execute(
        select(trail).where(trail.c.action == LEVEL_SET).order_by(trail.c.seq.desc()).limit(200)
    )
    return tuple(
        LevelStep(
            at=row.at,
            by=names.get(row.actor, row.actor),
            before=row.details["from"],
            level=row.details["to"],
            reason=row.details["reason"],
            protocol=row.details.get("protocol"),
        )
        for row in rows
    )


def _quantile(values: list[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def _span(begin: str, end: str) -> float:
    """Seconds between two moments; 0 where the clock was set back between them."""
    passed = datetime.fromisoformat(end) - datetime.fromisoformat(begin)
    return max(0.0, passed.total_seconds())


def _age(moment: str) -> float:
    return max(0.0, (datetime.now().astimezone() - datetime.fromisoformat(moment)).total_seconds())
