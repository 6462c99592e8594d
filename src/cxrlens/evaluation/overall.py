"""What is said of all classes together, but for accuracy, AUROC and the means of counts.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.auroc import keep_comparable
from cxrlens.evaluation.average_precision import find_precisions
from cxrlens.evaluation.balanced_accuracy import find_balanced_errors
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.brier import measure_brier_of_classes
from cxrlens.evaluation.calibration_error import (
    Answers,
    measure_calibration_error,
    measure_mean_calibration_error,
)
from cxrlens.evaluation.cases import AnyCases, Cases, MultiLabelCases
from cxrlens.evaluation.class_figures import ClassFigures, turn_into_f1
from cxrlens.evaluation.class_mean import ClassPart, estimate_class_mean
from cxrlens.evaluation.figure import Figure, leave_undefined
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import Decisions, Estimate


@dataclass(frozen=True)
class Overall:
    """Figures of all classes together; the fields are those of `Evaluation`."""

    balanced_accuracy: Estimate
    """Mean over classes."""

    micro_precision: Estimate
    """All classes in one count."""

    micro_recall: Estimate
    """All classes in one count."""

    micro_f1: Estimate
    """All classes in one count."""

    macro_average_precision: Estimate
    """Mean over classes."""

    brier: Estimate
    """Of the probabilities of all classes."""

    calibration_error: Estimate
    """As seen."""

    calibration_error_debiased: Estimate
    """Without what chance adds."""


def measure_overall(cases: Cases, classes: list[ClassFigures], resampling: Resampling) -> Overall:
    """Measure all classes together where an image has one of them.

    Args:
        cases: the labelled images.
        classes: the figures of each.
        resampling: of the patients behind the calibration error.
    """
    same = leave_undefined("where an image has one class this is the accuracy")
    # a threshold may decide for another class than the likeliest, whose chance this is
    is_right = np.asarray(np.argmax(cases.scores, axis=1) == cases.truth)
    confidence = cases.scores.max(axis=1)
    error = measure_calibration_error(confidence, is_right, cases.clusters, resampling)
    return Overall(
        balanced_accuracy=leave_undefined("where an image has one class this is macro_recall"),
        micro_precision=same,
        micro_recall=same,
        micro_f1=same,
        macro_average_precision=_estimate_average_precision(cases, classes),
        brier=measure_brier_of_classes(cases.scores, cases.truth, cases.clusters).to_estimate(),
        calibration_error=error.seen.to_estimate(),
        calibration_error_debiased=error.debiased.to_estimate(),
    )


def measure_overall_of_labels(
    cases: MultiLabelCases,
    decisions: Decisions,
    classes: list[ClassFigures],
    resampling: Resampling,
) -> Overall:
    """Measure all classes together where an image may have several, or none.

    Args:
        cases: the labelled images.
        decisions: whether each class is decided for.
        classes: the figures of each.
        resampling: of the patients behind the calibration error.
    """
    decided = [
        decisions[np.isin(cases.labels[:, index], (0, 1)), index] for index in range(len(classes))
    ]
    answers = [_take_answers(cases, index) for index in range(len(classes))]
    known = [one for one in answers if one.clusters.size]  # one at least: the cases are labelled
    error = measure_mean_calibration_error(known, resampling)
    micro = _measure_micro(answers, decided)
    return Overall(
        balanced_accuracy=_estimate_balanced_accuracy(cases, answers, decided, classes),
        micro_precision=_tell(micro[0], "no class is decided for on any image"),
        micro_recall=_tell(micro[1], "no image of any class"),
        micro_f1=_tell(micro[2], "no class is there or decided for on any image"),
        macro_average_precision=_estimate_average_precision(cases, classes),
        brier=_estimate_brier(cases, answers, classes),
        calibration_error=error.seen.to_estimate(),
        calibration_error_debiased=error.debiased.to_estimate(),
    )


def _tell(figure: Figure, what_lacks: str) -> Estimate:
    return figure.to_estimate() if figure.n else leave_undefined(what_lacks)


def _take_answers(cases: MultiLabelCases, index: int) -> Answers:
    """The images of which it is known whether they have one class."""
    ranking = cases.rank(index)
    return Answers(ranking.scores, ranking.is_positive, ranking.clusters)


def _measure_micro(
    answers: list[Answers], decided: list[np.ndarray]
) -> tuple[Figure, Figure, Figure]:
    """Precision, recall and F1 of all answers in one count; n counts answers, not images."""
    is_true = np.concatenate([one.is_true for one in answers])
    is_decided = np.concatenate(decided)
    clusters = np.concatenate([one.clusters for one in answers])
    is_hit = is_true & is_decided
    precision, recall, overlap = (
        measure_proportion(is_hit[rows], clusters[rows])
        for rows in (is_decided, is_true, is_true | is_decided)
    )
    return precision, recall, turn_into_f1(overlap)


def _estimate_average_precision(cases: AnyCases, classes: list[ClassFigures]) -> Estimate:
    figures = [one.average_precision for one in classes]
    if isinstance(cases, Cases) and len(figures) == 2 and figures[1]:
        return figures[1].to_estimate()
    parts = []
    for index, figure in enumerate(figures):
        if figure:
            ranking = keep_comparable(cases.rank(index))
            parts.append(ClassPart(figure, find_precisions(ranking).errors, ranking.clusters))
    if not parts:
        return leave_undefined("no fold has images with and without a class")
    return estimate_class_mean(parts, _name_absent(cases, figures))


def _estimate_balanced_accuracy(
    cases: MultiLabelCases,
    answers: list[Answers],
    decided: list[np.ndarray],
    classes: list[ClassFigures],
) -> Estimate:
    figures = [one.balanced_accuracy for one in classes]
    parts = [
        ClassPart(
            figure,
            find_balanced_errors(one.is_true, own),
            one.clusters,
        )
        for one, own, figure in zip(answers, decided, figures, strict=True)
        if figure
    ]
    if not parts:
        return leave_undefined("no class that some images have and some do not")
    return estimate_class_mean(parts, _name_absent(cases, figures))


def _estimate_brier(
    cases: MultiLabelCases, answers: list[Answers], classes: list[ClassFigures]
) -> Estimate:
    figures = [one.brier for one in classes]
    parts = []
    for one, figure in zip(answers, figures, strict=True):
        if figure:
            distances = (one.probabilities.astype(np.float64) - one.is_true) ** 2
            errors = (distances - distances.mean()) / distances.size
            parts.append(ClassPart(figure, errors, one.clusters))
    return estimate_class_mean(parts, _name_absent(cases, figures))


def _name_absent(cases: AnyCases, figures: list[Figure | None]) -> list[str]:
    return [name for name, figure in zip(cases.classes, figures, strict=True) if not figure]
