"""What a level asks for before it may be set, and whether that is there.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, or_, select, update

from cxrlens.client.automation import GateLine, GateSettings, LevelGate, Share
from cxrlens.client.messages import RoomSettings
from cxrlens.evaluation import FEWEST_REFERENCE, measure_agreement, measure_proportion
from cxrlens.serving.agreement_watch import FEWEST_READ, gather_unaided, is_decided_for
from cxrlens.serving.certificates import (
    Held,
    find_rules,
    is_strict_enough,
    list_held,
    read_gates,
    read_outputs,
)
from cxrlens.serving.conditions import may_still_read
from cxrlens.serving.drift_watch import count_reference
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed, is_automated
from cxrlens.serving.room import RoomState, read_state
from cxrlens.serving.spot_checks import judge_drawn
from cxrlens.serving.standing import find_fault
from cxrlens.serving.tables import case, decision, prediction, reference, room
from cxrlens.serving.tested_cases import number_patients
from cxrlens.serving.trail import append
from cxrlens.vocabulary import Estimate, Level


def set_gates(connection: Connection, asked: GateSettings, actor: SignedIn) -> None:
    """Set what the room's levels ask for.

    Raises:
        NotAllowed: if the machine decides now: whoever asks for less lowers the level first.
    """
    state = read_state(connection)
    if is_automated(state.level):
        raise NotAllowed(
            "level-too-high",
            "what a level asks for is not changed while the machine decides: lower the room to "
            "assistance first",
        )
    connection.execute(update(room).values(gates=asked.model_dump()))
    append(connection, actor.id, "gates-set", "room", asked.model_dump())


def refuse_fewer_checks(connection: Connection, asked: RoomSettings) -> None:
    """Refuse fewer spot checks while the machine decides.

    Raises:
        NotAllowed: if fewer are asked for at an automated level.
    """
    state = read_state(connection)
    if is_automated(state.level) and (asked.spot_check_percent < state.settings.spot_check_percent):
        raise NotAllowed(
            "level-too-high",
            f"{state.settings.spot_check_percent} of 100 cases are checked, and fewer are not "
            "while the machine decides: lower the room to assistance first",
        )


def require_gate(connection: Connection, level: Level, asker: SignedIn) -> None:
    """Refuse a level whose evidence is not there.

    Args:
        connection: in a transaction.
        level: that is to be set.
        asker: who wants to set it.

    Raises:
        NotAllowed: if it is not; it names what is missing.
    """
    gate = judge_gate(connection, level, asker)
    missing = [one for one in gate.lines if not one.is_met]
    if missing:
        told = "; ".join(f"{one.name}: {one.asked} asked for, found {one.found}" for one in missing)
        raise NotAllowed("gate-closed", f"the room cannot be set to {level}: {told}")


def judge_gate(connection: Connection, level: Level, asker: SignedIn) -> LevelGate:
    """Hold what is there against what a level asks for.

    Args:
        connection: in a transaction.
        level: that may be wanted.
        asker: who asks. Cases that they may still read count for nothing that tells of the
            machine's answers: figures of few cases would say what it answered.
    """
    asked, state = read_gates(connection), read_state(connection)
    lines: list[GateLine] = []
    if level == "assistance" and asked.assistance_cases:
        lines.append(_judge_count(connection, state, asked.assistance_cases, asker))
    if is_automated(level):
        held = [
            one for one in list_held(connection, is_valid=True)
            if find_fault(connection, one, state) is None and is_strict_enough(one, asked)
        ]  # fmt: skip
        lines.append(_judge_count(connection, state, asked.shadow_cases, asker))
        lines.append(_judge_certificates(connection, held, level))
        lines += _judge_watching(connection, state, held)
        lines += _judge_findings(connection, state, held, asker)
        share = measure_out_of_distribution(connection, state, asker)
        lines.append(_judge_distance(share, read_gates(connection).out_of_distribution))
        if level == "full":
            lines += _judge_partial(connection, asked, held, asker)
    return LevelGate(level=level, is_open=all(one.is_met for one in lines), lines=tuple(lines))


@dataclass(frozen=True)
class _Figure:
    """A measured share, and whether its interval is known."""

    told: str
    low: float | None

    @classmethod
    def read(cls, estimate: Estimate) -> "_Figure":
        return cls(f"{estimate} with n = {estimate.n}", estimate.low)


def measure_out_of_distribution(
    connection: Connection, state: RoomState, asker: SignedIn
) -> Share | None:
    """Measure the share of the model's cases that are unlike the training images.

    Args:
        connection: in a transaction.
        state: of the room.
        asker: who asks; cases that they may still read are left out.

    Returns:
        By patient; None where it was measured of no case.
    """
    rows = connection.execute(
        select(prediction.c.answer, case.c.id, case.c.pseudonym)
        .join(case, case.c.id == prediction.c.case_id)
        .where(
            prediction.c.bundle == state.bundle,
            prediction.c.preparation == state.preparation,
            ~may_still_read(state, asker.id),
        )
        .order_by(case.c.number)
    ).all()
    known = [row for row in rows if row.answer.get("out_of_distribution") is not None]
    if not known:
        return None
    is_out = np.array(
        [
            row.answer["out_of_distribution"] <= row.answer["out_of_distribution_limit"]
            for row in known
        ],
        dtype=np.bool_,
    )
    share = measure_proportion(is_out, number_patients([row.pseudonym or row.id for row in known]))
    return Share(value=share.value, low=share.low, high=share.high, n=share.n)


def _judge_count(connection: Connection, state: RoomState, least: int, asker: SignedIn) -> GateLine:
    outputs = read_outputs(connection)
    found = None
    if outputs.classes:
        found = gather_unaided(connection, state, outputs.classes[0], asker.id)
    n = 0 if found is None else len(found.patients)
    missing = f": {least - n} are missing" if n < least else ""
    return GateLine(
        name="cases read without the machine that it answered too",
        asked=f"at least {least}",
        found=f"{n}{missing}",
        is_met=n >= least,
    )


def _judge_certificates(connection: Connection, held: list[Held], level: Level) -> GateLine:
    outputs = read_outputs(connection)
    rules, ids = find_rules(held, outputs, level)
    gates = read_gates(connection)
    asked = (
        f"one that holds, promises at most {gates.risk:g} with delta at most {gates.delta:g}, for "
        f"{gates.days} days at most, with at most {gates.drift_looks} looks for drift of at most "
        f"{gates.drift_window} patients"
    )
    if level == "full":
        asked = (
            "two such, for both sides of one of two classes, with thresholds that leave no "
            "score between them"
        )
    found = f"{len(held)} such" if held else "none"
    if rules:
        found = ", ".join(ids)
    return GateLine(name="certificate", asked=asked, found=found, is_met=bool(rules))


def _judge_watching(connection: Connection, state: RoomState, held: list[Held]) -> list[GateLine]:
    """Whether what is to end a certificate can be seen at all."""
    lines: list[GateLine] = []
    for one in held:
        name = f"{one.told.finding}, {one.told.decides}"
        n = count_reference(connection, state, one)
        lines.append(
            GateLine(
                name=f"drift can be watched ({name})",
                asked=f"answered patients before the certificate: at least {FEWEST_REFERENCE}",
                found=str(n),
                is_met=n >= FEWEST_REFERENCE,
            )
        )
        lines.append(
            GateLine(
                name=f"agreement can be watched ({name})",
                asked=f"patients read without the machine before the certificate: at least "
                f"{FEWEST_READ}",
                found="enough" if one.usual is not None else "too few: certify anew",
                is_met=one.usual is not None,
            )
        )
    return lines


def _judge_findings(
    connection: Connection, state: RoomState, held: list[Held], asker: SignedIn
) -> list[GateLine]:
    """Agreement and sensitivity for each class that a certificate decides about."""
    asked = read_gates(connection)
    lines: list[GateLine] = []
    for finding in sorted({one.told.finding for one in held}):
        answers = gather_unaided(connection, state, finding, asker.id)
        agreement = measure_agreement(
            answers.reader, answers.machine, number_patients(answers.patients)
        )
        kappa = _Figure.read(agreement.kappa)
        lines.append(
            GateLine(
                name=f"Cohen's kappa of machine and reader, {finding}",
                asked=f"lower end of the interval at least {asked.kappa:g}",
                found=kappa.told,
                is_met=kappa.low is not None and kappa.low >= asked.kappa,
            )
        )
        share = _Figure.read(_measure_sensitivity(connection, state, finding, asker))
        lines.append(
            GateLine(
                name=f"sensitivity of the machine against the reference, {finding}",
                asked=f"lower end of the interval at least {asked.sensitivity:g}",
                found=share.told,
                is_met=share.low is not None and share.low >= asked.sensitivity,
            )
        )
    return lines


def _measure_sensitivity(
    connection: Connection, state: RoomState, finding: str, asker: SignedIn
) -> Estimate:
    """The machine's, at its operating point, on cases that it was not trained on."""
    rows = connection.execute(
        select(prediction.c.answer, case.c.id, case.c.pseudonym)
        .join(case, case.c.id == prediction.c.case_id)
        .join(reference, reference.c.case_id == case.c.id)
        .outerjoin(decision, decision.c.case_id == case.c.id)
        .where(
            prediction.c.bundle == state.bundle,
            prediction.c.preparation == state.preparation,
            prediction.c.was_trained_on.is_(False),
            reference.c.class_name == finding,
            reference.c.is_present.is_(True),
            # Of the others the machine chose which were read, and so which have a reference.
            or_(decision.c.case_id.is_(None), decision.c.is_drawn.is_(True)),
            ~may_still_read(state, asker.id),
        )
        .order_by(case.c.number)
    ).all()
    hits = np.array([is_decided_for(row.answer, finding) for row in rows], dtype=np.bool_)
    clusters = number_patients([row.pseudonym or row.id for row in rows])
    return measure_proportion(hits, clusters).to_estimate()


def _judge_distance(share: Share | None, most: float) -> GateLine:
    if share is None:
        found = "not measured: the model carries no statistics of its training images (fit-ood)"
        is_met = False
    else:
        found = f"{share.value:.3f} ({share.low:.3f}–{share.high:.3f}) with n = {share.n}"
        is_met = share.value <= most
    return GateLine(
        name="share of cases unlike the training images",
        asked=f"at most {most:g}",
        found=found,
        is_met=is_met,
    )


def _judge_partial(
    connection: Connection, asked: GateSettings, held: list[Held], asker: SignedIn
) -> list[GateLine]:
    """What full asks of the time at partial."""
    ids = {one.id for one in held}
    rows = connection.execute(select(decision.c.certificates)).scalars().all()
    n_cases = sum(bool(ids & set(kept)) for kept in rows)
    n_read = max((judge_drawn(connection, one, asker.id).n_read for one in held), default=0)
    return [
        GateLine(
            name="cases at partial by certificates that hold",
            asked=f"at least {asked.partial_cases}",
            found=str(n_cases),
            is_met=n_cases >= asked.partial_cases,
        ),
        GateLine(
            name="spot checks of them that were read",
            asked=f"at least {asked.spot_checks}",
            found=str(n_read),
            is_met=n_read >= asked.spot_checks,
        ),
    ]
