"""What share could be automated at which promise.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.evaluation.certainty import count_positives_to_certify
from cxrlens.evaluation.certifying import measure_automation
from cxrlens.evaluation.fixed_sequence import TestedThreshold, find_threshold
from cxrlens.evaluation.promise import GRID, Side, check_grid
from cxrlens.evaluation.reference_cases import ReferenceCases, Workload
from cxrlens.vocabulary import Estimate

RISKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Promises that a curve is drawn for, if no others are asked for."""


@dataclass(frozen=True)
class AutomationPoint:
    """One promise, and what it would let the machine decide."""

    risk: float
    """The largest share of patients at stake that may be decided wrongly."""

    n_missing: int
    """Patients at stake that are missing before any threshold could be certified; 0 if none."""

    tested: TestedThreshold | None
    """The boldest threshold that passes; None where patients are missing or none passes."""

    automation: Estimate | None
    """Share of images decided alone there; None where there is no threshold."""

    over: str
    """Of which images that is the share; empty where there is none."""


def trace_automation(
    cases: ReferenceCases,
    delta: float,
    risks: tuple[float, ...] = RISKS,
    decides: Side = "negative",
    workload: Workload | None = None,
    grid: tuple[float, ...] = GRID,
) -> tuple[AutomationPoint, ...]:
    """Trace what share could be automated at which promise.

    A curve is for planning. Each point holds on its own, as if it were the only promise; whoever
    picks a promise off the curve certifies it on other cases, since the best of many promises is
    broken more often than `delta`.

    Args:
        cases: with a reference.
        delta: how often each promise may be broken, in (0, 1), in one look.
        risks: the promises, each in (0, 1).
        decides: what is decided alone.
        workload: cases as they come; None takes `cases`.
        grid: thresholds to try, ascending.

    Returns:
        One point a promise, in the order given.

    Raises:
        InputError: if a number is out of its range.
    """
    check_grid(grid)
    worst = cases.find_worst(decides)
    points = []
    for risk in risks:
        missing = max(count_positives_to_certify(risk, delta) - worst.size, 0)
        tested = None if missing else find_threshold(worst, risk, delta, grid, decides)
        if tested is None:
            points.append(AutomationPoint(risk, missing, None, None, ""))
            continue
        share, over = measure_automation(cases, workload, tested.threshold, decides)
        points.append(AutomationPoint(risk, 0, tested, share, over))
    return tuple(points)
