"""Mistakes are grouped by what was taken for what.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.report.records import Case, Report


@dataclass(frozen=True)
class Direction:
    """One way in which decisions go wrong."""

    name: str
    """In words, such as `covid taken for normal` or `covid missed`."""

    n_images: int | None
    """How many images went wrong so; None where it is not known."""

    n_of: int | None
    """Of how many that could have: those that have the class, or of false alarms do not."""

    mistakes: tuple[int, ...]
    """Positions among the report's mistakes, the most confident first."""


def list_directions(report: Report) -> tuple[Direction, ...]:
    """Group a report's mistakes by what was taken for what.

    Args:
        report: with its mistakes.

    Returns:
        The directions that a mistake is shown of, the most frequent first.
    """
    shown: dict[tuple[str, str], list[int]] = {}
    for place, case in enumerate(report.mistakes):
        shown.setdefault(find_direction(case), []).append(place)
    directions = [_describe(report, *pair, tuple(places)) for pair, places in shown.items()]
    return tuple(sorted(directions, key=lambda one: -(one.n_images or 0)))


def find_direction(case: Case) -> tuple[str, str]:
    """Find what was taken for what in a case that is wrong.

    Returns:
        The truth and the decision; of several labels an image the class that it is most wrong in,
        and `missed` or `false alarm`.
    """
    if case.labels is None:
        return case.truth or "", case.prediction.decision or ""
    worst = case.wrong[0] if case.wrong else ""
    return worst, "false alarm" if worst in case.prediction.decisions else "missed"


def _describe(report: Report, truth: str, decision: str, places: tuple[int, ...]) -> Direction:
    evaluation = report.evaluation
    if evaluation.is_multilabel:
        name = f"{truth} missed" if decision == "missed" else f"false alarm of {truth}"
        found = [one.outcomes for one in evaluation.per_class if one.class_name == truth]
        if not found:
            return Direction(name, None, None, places)
        counts = found[0]
        if decision == "missed":
            n, others = counts.false_negatives, counts.true_positives
        else:
            n, others = counts.false_positives, counts.true_negatives
        return Direction(name, n, n + others, places)
    name = f"{truth} taken for {decision}"
    if evaluation.confusion is None or not {truth, decision} <= set(evaluation.classes):
        return Direction(name, None, None, places)
    row = evaluation.confusion[evaluation.classes.index(truth)]
    n_images = int(row[evaluation.classes.index(decision)])
    return Direction(name, n_images, int(row.sum()), places)
