"""Every case gets a probability, and a decision, that it had no part in fitting.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from cxrlens.evaluation.class_counts import choose_method, count_classes, explain_too_few
from cxrlens.evaluation.operating_rule import OperatingRule
from cxrlens.evaluation.scaling_fit import fit_scaling
from cxrlens.evaluation.threshold_choice import choose_operating_point
from cxrlens.vocabulary import (
    CalibrationMethod,
    ClassIndices,
    Decisions,
    Flags,
    PredictionTable,
    Probabilities,
    Scaling,
    TableError,
    digest,
)

PARTS = 5
"""Each model's cases are dealt into so many parts; four fit what the fifth gets."""


@dataclass(frozen=True, eq=False)
class CrossFit:
    """What a calibration, and a rule, come to on cases that did not fit them."""

    probabilities: Probabilities
    """Calibrated, one row a case of the table."""

    flagged: Decisions | None
    """Whether each class reaches the threshold that the other cases chose by the rule; None
    without a rule."""

    methods: dict[CalibrationMethod, int]
    """How many of the fits were made in which way."""


def cross_fit(
    table: PredictionTable,
    method: CalibrationMethod | None = None,
    rule: OperatingRule | None = None,
) -> CrossFit:
    """Calibrate each case by others: other patients, answered for by the same model.

    Patients are dealt into parts by a digest of their name, whatever their labels, so that a
    case's own label changes neither its own probability nor that of any other in its part (but for
    the numbers of cases a class in its fold, which decide between the two methods).

    Args:
        table: one model, or one a fold.
        method: None takes what the cases of a fold are enough for.
        rule: by which thresholds are chosen on the fitting cases, on their calibrated
            probabilities.

    Returns:
        One row a case, also of those whose truth is not known.

    Raises:
        TableError: if there are too few cases of a class in a fold.
    """
    why = explain_too_few_cases(table)
    if why is not None:
        raise TableError(f"too few cases to calibrate: {why}; give more labelled images")
    parts, methods = deal_parts(table), Counter[CalibrationMethod]()
    probabilities = np.full(table.logits.shape, np.nan)
    flagged = np.zeros(table.logits.shape, dtype=np.bool_)
    for fold in np.unique(table.folds):
        own = method or _choose_for(table, table.folds == fold)
        for part in np.unique(parts[table.folds == fold]):
            is_fitted_on = (table.folds == fold) & (parts != part)
            is_held_out = (table.folds == fold) & (parts == part)
            scaling = fit_table(table, is_fitted_on, own)
            methods[scaling.method] += 1
            probabilities[is_held_out] = scaling.apply(table.logits[is_held_out])
            if rule is not None:
                others = table.take(is_fitted_on)
                seen = scaling.apply(others.logits)
                point = choose_operating_point(others, seen, rule, "the other cases")
                flagged[is_held_out] = point.flag(table.classes, probabilities[is_held_out])
    return CrossFit(probabilities, None if rule is None else flagged, dict(methods))


def fit_table(table: PredictionTable, rows: Flags, method: CalibrationMethod) -> Scaling:
    """Fit a scaling to some rows of a table.

    Args:
        table: of one model, there.
        rows: which.
        method: `temperature` or `vector`.
    """
    is_multilabel = table.labels is not None
    labels = table.known_labels[rows]
    return fit_scaling(table.logits[rows], labels, method, is_multilabel=is_multilabel)


def _choose_for(table: PredictionTable, rows: Flags) -> CalibrationMethod:
    counts = count_classes(table.classes, table.known_labels[rows], table.clusters[rows])
    return choose_method(counts)


def explain_too_few_cases(table: PredictionTable) -> str | None:
    """Say what a table lacks for a calibration: in the fold that lacks most, if any does.

    Args:
        table: one model, or one a fold.

    Returns:
        A clause with the numbers; None where there are cases enough.
    """
    return next((why for why in _explain_folds(table) if why is not None), None)


def _explain_folds(table: PredictionTable) -> Iterator[str | None]:
    labels, is_multilabel = table.known_labels, table.labels is not None
    for fold in np.unique(table.folds):
        rows = table.folds == fold
        counts = count_classes(table.classes, labels[rows], table.clusters[rows])
        yield explain_too_few(counts, is_multilabel=is_multilabel)


def deal_parts(table: PredictionTable) -> ClassIndices:
    """Deal patients into parts, within each fold, by nothing but their names.

    Args:
        table: an image of an unknown patient is a patient of its own.

    Returns:
        For each row the number of its part, from 0 to `PARTS` - 1.
    """
    parts = np.zeros(len(table.images), dtype=np.int64)
    names = np.array(
        [digest(f"{patient or image}".encode("utf-8", "surrogateescape"))
         for patient, image in zip(table.patients, table.images, strict=True)]
    )  # fmt: skip
    for fold in np.unique(table.folds):
        inside: Bool[np.ndarray, " n"] = table.folds == fold
        _, order = np.unique(names[inside], return_inverse=True)
        parts[inside] = order % PARTS
    return parts
