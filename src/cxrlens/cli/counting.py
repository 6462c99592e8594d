"""Images and patients are counted, from files found to those that figures rest on.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import cxrlens as cxr

USED = "used for the figures"
"""What the images are called that a judgement rests on."""

MOST_VALUES = 12
"""Values of a column that are counted one by one; the rarer ones are counted together."""


def count_evaluation(examination: "cxr.model.Examination") -> "tuple[cxr.report.FlowStep, ...]":
    """Count the images of an evaluation from files found to those that the figures rest on."""
    reasons = _count_reasons(examination)
    n_used, n_seen = len(examination.predictions), examination.n_seen
    seen = [cxr.report.FlowStep("trained on: left out", n_seen, "left out")] if n_seen else []
    return (
        cxr.report.FlowStep("files found", n_used + n_seen + reasons.total(), "all"),
        *_list_refused(reasons),
        *seen,
        _count_step(USED, examination.rows, "used"),
    )


def count_training(
    table: "cxr.StudyTable", examination: "cxr.model.Examination", n_folds: int
) -> "tuple[cxr.report.FlowStep, ...]":
    """Count the images of a training from files found to those that the figures rest on."""
    reasons = _count_reasons(examination)
    parts = Counter(table.frame["split"])
    n_used = len(examination.predictions)
    found = cxr.report.FlowStep("files found", len(table) + reasons.total(), "all")
    if n_folds > 1:
        step = f"answered for once, by one of {n_folds} models"
        used = [_count_step(step, examination.rows, "used")]
        n_other, other = len(table) - n_used, "test part left unused, or copies"
    else:
        used = [
            _count_step("trained on", table.split("train"), "used"),
            _count_step("chose the epoch", table.split("val"), "used"),
            _count_step(USED, examination.rows, "used"),
        ]
        n_other, other = parts["test"] - n_used, "test images that are copies of training images"
    others = [cxr.report.FlowStep(other, n_other, "left out")] if n_other else []
    return (found, *_list_refused(reasons), *others, *used)


def count_parts(
    table: "cxr.StudyTable",
    examination: "cxr.model.Examination",
    n_folds: int,
    by: Sequence[str] | None,
) -> "tuple[cxr.report.Part, ...]":
    """Count who is in each part, by class and by the columns that groups are judged by."""
    used = count_part(USED, examination.rows, by)
    if n_folds > 1:
        return (used,)
    return (
        count_part("trained on", table.split("train"), by),
        count_part("chose the epoch", table.split("val"), by),
        used,
    )


def count_part(name: str, table: "cxr.StudyTable", by: Sequence[str] | None) -> "cxr.report.Part":
    """Count who is in one part.

    Args:
        name: what the part was used for.
        table: its images.
        by: columns; None takes the usual ones that say something.
    """
    counts = {"class": {one: kinds["there"] for one, kinds in table.label_counts.items()}}
    for column in by if by is not None else cxr.model.find_usual(table):
        groups = cxr.model.list_groups(table, column)
        if any(one is not None for one in groups):
            counts[column] = _count_values(groups)
    return cxr.report.Part(name, len(table), _count_patients(table), counts)


def _count_values(groups: Sequence[str | None]) -> dict[str, int]:
    """Count values in their order, the rarest together, the unknown last."""
    found = Counter(one for one in groups if one is not None)
    kept = sorted(one for one, _ in found.most_common(MOST_VALUES))
    counts = {one: found[one] for one in kept}
    n_rare = found.total() - sum(counts.values())
    n_unknown = len(groups) - found.total()
    counts |= {"others": n_rare} if n_rare else {}
    return counts | ({cxr.evaluation.UNKNOWN_GROUP: n_unknown} if n_unknown else {})


def _count_reasons(examination: "cxr.model.Examination") -> Counter[str]:
    # A bad mask leaves its image in the table.
    return Counter(
        one.reason for one in examination.refusals if one.reason != cxr.inference.BAD_MASK
    )


def _list_refused(reasons: Counter[str]) -> "list[cxr.report.FlowStep]":
    return [
        cxr.report.FlowStep(f"refused: {reason}", n, "left out")
        for reason, n in sorted(reasons.items())
    ]


def _count_step(
    step: str, table: "cxr.StudyTable", role: Literal["all", "left out", "used"]
) -> "cxr.report.FlowStep":
    return cxr.report.FlowStep(step, len(table), role, _count_patients(table))


def _count_patients(table: "cxr.StudyTable") -> int | None:
    return None if None in table.patients else len(set(table.patients))
