"""What decisions and thresholds came to, on cases that did not choose them.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.certainty import count_needed_positives
from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import (
    EVEN_ODDS,
    ClassIndices,
    Decisions,
    Estimate,
    Flags,
    OperatingPoint,
    PredictionTable,
    TableError,
    Threshold,
)


@dataclass(frozen=True)
class ClassOperating:
    """How one class does where it is flagged or decided for."""

    class_name: str
    """The class taken as positive."""

    thresholds: tuple[float, ...]
    """The probability from which it is flagged, one a model that answered (one a fold); empty
    where the largest probability decides."""

    chosen: tuple[Threshold, ...]
    """What each reached on the cases that chose it; empty where it was fixed in advance."""

    sensitivity: Estimate
    """Share of the images with the class that are flagged."""

    specificity: Estimate
    """Share of the images without it that are not flagged."""

    ppv: Estimate
    """Share of the flagged images that have it, at the prevalence here."""

    npv: Estimate
    """Share of the images not flagged that do not have it, at the prevalence here."""

    n_positives: int
    """Images with the class."""

    n_negatives: int
    """Images without it."""

    n_positive_patients: int
    """Patients of the positives."""

    more_positives: int | None
    """How many more positives, of unrelated patients, it would take until the lower end of the
    sensitivity's interval reaches what the rule asked for, if the sensitivity stays as it is; 0
    where it does already. None where the rule asked for none, or the sensitivity is below it."""


@dataclass(frozen=True)
class OperatingReport:
    """How the classes are flagged, and what came of it."""

    rule: str
    """What chose the thresholds; `argmax` or `each >= 0.5` where none were chosen."""

    chosen_on: str
    """The data that chose them, in words."""

    measured_on: str
    """The cases of the figures, in words."""

    is_deciding: bool
    """Whether the model's decisions are these flags; of three or more classes that exclude each
    other thresholds only flag."""

    per_class: tuple[ClassOperating, ...]
    """One a class; of two that exclude each other the second alone."""


def judge_operating(
    table: PredictionTable, points: Sequence[OperatingPoint], *, measured_on: str = "these cases"
) -> OperatingReport:
    """Judge what the models' operating points come to on cases that did not choose them.

    Args:
        table: with the answers; thresholds are held against the calibrated probabilities where
            there are any, else the raw ones.
        points: one a fold, in the order of the folds' numbers; one for all where there is one
            model. Thresholds of different models are never mixed: each flags its own cases, and
            the counts are pooled, of those classes for which every model has a threshold.
        measured_on: the cases, in words.

    Returns:
        The report.

    Raises:
        TableError: if there are several points, and not one for each fold that occurs.
    """
    point, numbers = points[0], np.unique(table.folds)
    if len(points) not in (1, numbers.size):
        raise TableError(
            f"operating points are one for all, or one a fold; got {len(points)} for "
            f"{numbers.size} folds"
        )
    flagged = table.decided
    if point.thresholds:
        deciding = table.probabilities if table.calibrated is None else table.calibrated
        flagged = np.zeros_like(flagged)
        for place, fold in enumerate(numbers):
            rows = table.folds == fold
            own = points[place % len(points)]
            flagged[rows] = own.flag(table.classes, deciding[rows])
    return report_flags(table, flagged, points, measured_on)


def report_flags(
    table: PredictionTable, flagged: Decisions, points: Sequence[OperatingPoint], measured_on: str
) -> OperatingReport:
    """Judge flags by the labels.

    Args:
        table: for labels and patients.
        flagged: whether each class is flagged.
        points: as for `judge_operating`.
        measured_on: the cases, in words.
    """
    point, is_multilabel = points[0], table.labels is not None
    is_binary = len(table.classes) == 2 and not is_multilabel
    indices = [1] if is_binary else list(range(len(table.classes)))
    if point.thresholds:
        # a model without a threshold flags nothing: that is no sensitivity of 0
        having = [{one.class_name for one in own.thresholds} for own in points]
        indices = [index for index in indices if all(table.classes[index] in own for own in having)]
    is_fixed = not point.thresholds and (is_binary or is_multilabel)
    labels, clusters = table.known_labels, table.clusters
    found = []
    for index in indices:
        known, name = np.isfinite(labels[:, index]), table.classes[index]
        chosen = tuple(o for own in points for o in own.thresholds if o.class_name == name)
        fixed = (EVEN_ODDS,) if is_fixed else ()
        counted = _Counted(labels[known, index] == 1, flagged[known, index], clusters[known])
        found.append(_report_class(name, counted, chosen, fixed, point.threshold_rule))
    return OperatingReport(
        rule=point.threshold_rule or point.rule,
        chosen_on=point.chosen_on,
        measured_on=measured_on,
        is_deciding=not point.thresholds or is_binary or is_multilabel,
        per_class=tuple(found),
    )


@dataclass(frozen=True, eq=False)
class _Counted:
    """Images of which it is known whether they have the class."""

    is_there: Flags
    is_flagged: Flags
    clusters: ClassIndices

    def share(self, hits: Flags, among: Flags, why: str) -> Estimate:
        if not among.any():
            return leave_undefined(why)
        return measure_proportion(hits[among], self.clusters[among]).to_estimate()


def _report_class(
    name: str,
    counted: _Counted,
    chosen: tuple[Threshold, ...],
    fixed: tuple[float, ...],
    rule: str,
) -> ClassOperating:
    there, flagged = counted.is_there, counted.is_flagged
    sensitivity = counted.share(flagged, there, "no image of this class")
    return ClassOperating(
        class_name=name,
        thresholds=tuple(one.value for one in chosen) or fixed,
        chosen=chosen,
        sensitivity=sensitivity,
        specificity=counted.share(~flagged, ~there, "no image without this class"),
        ppv=counted.share(there, flagged, "none was flagged"),
        npv=counted.share(~there, ~flagged, "all were flagged"),
        n_positives=int(there.sum()),
        n_negatives=int((~there).sum()),
        n_positive_patients=count_patients(counted.clusters[there]),
        more_positives=_count_more(sensitivity, rule),
    )


def _count_more(sensitivity: Estimate, rule: str) -> int | None:
    name, _, level = rule.partition(">=")
    if name != "sensitivity" or sensitivity.value is None or float(level) >= 1:
        return None
    if sensitivity.low is not None and sensitivity.low >= float(level):
        return 0
    needed = count_needed_positives(sensitivity.value, float(level))
    return None if needed is None else max(needed - sensitivity.n, 1)
