"""One class against all others, in figures.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

from cxrlens.evaluation.auroc import measure_auroc
from cxrlens.evaluation.cases import Cases
from cxrlens.evaluation.figure import Figure, leave_undefined
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import ClassReport
from cxrlens.vocabulary import ClassIndices, Estimate


@dataclass(frozen=True)
class ClassFigures:
    """What is measured of one class."""

    precision: Figure
    """Share of decisions for the class that are right; 0 where there are none."""

    recall: Figure
    """Share of the class that is found; on 0 images where it has none."""

    f1: Figure
    """Harmonic mean of precision and recall."""

    auroc: Figure | None
    """None where no fold has both the class and another."""


def measure_class(cases: Cases, decisions: ClassIndices, index: int) -> ClassFigures:
    """Measure how well one class is told from all others.

    Args:
        cases: the labelled images.
        decisions: the class decided for, one an image.
        index: the class.

    Returns:
        Its figures.
    """
    is_true, is_decided = cases.truth == index, decisions == index
    is_hit, either = is_true & is_decided, is_true | is_decided
    return ClassFigures(
        precision=measure_proportion(is_hit[is_decided], cases.clusters[is_decided]),
        recall=measure_proportion(is_hit[is_true], cases.clusters[is_true]),
        f1=_turn_into_f1(measure_proportion(is_hit[either], cases.clusters[either])),
        auroc=measure_auroc(cases.rank(index)),
    )


def _turn_into_f1(overlap: Figure) -> Figure:
    """F1 = 2 J / (1 + J), where J = TP / (TP + FP + FN) is a proportion of images."""
    value, low, high = (
        2 * share / (1 + share) for share in (overlap.value, overlap.low, overlap.high)
    )
    return replace(overlap, value=value, low=low, high=high, method=f"F1 of {overlap.method}")


def report_class(cases: Cases, index: int, figures: ClassFigures) -> ClassReport:
    """Tell the figures of one class.

    Args:
        cases: the labelled images.
        index: the class.
        figures: as measured.

    Returns:
        The report; what does not exist has no value.
    """
    n_images = int((cases.truth == index).sum())
    absent = leave_undefined("no image of this class")
    unpaired = leave_undefined("no fold has an image of this class and one of another")
    return ClassReport(
        class_name=cases.classes[index],
        n_images=n_images,
        n_patients=cases.count_patients_of(index),
        precision=_tell_precision(figures.precision, n_images),
        recall=figures.recall.to_estimate() if n_images else absent,
        f1=figures.f1.to_estimate() if n_images else absent,
        auroc=figures.auroc.to_estimate() if figures.auroc else unpaired,
    )


def _tell_precision(figure: Figure, n_images: int) -> Estimate:
    """A class that is never decided for has a precision of 0, if it has images at all."""
    if figure.n:
        return figure.to_estimate()
    if n_images:
        return Estimate(0.0, None, None, 0, "never decided for: counted as 0")
    return leave_undefined("no image of this class and no decision for it")
