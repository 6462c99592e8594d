"""Counts of truths and decisions become precision, recall and F1.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cxrlens.evaluation.cases import Cases, MultiLabelCases
from cxrlens.vocabulary import ClassIndices

CountStack = Float64[np.ndarray, "b k k"]
"""Many confusion matrices: rows are the truth, columns the decision."""


@dataclass(frozen=True, eq=False)
class Macros:
    """Means over the classes that have an image; one a resample; NaN where no class has one."""

    precision: Float64[np.ndarray, " b"]
    """Mean share of decisions for a class that are right."""

    recall: Float64[np.ndarray, " b"]
    """Mean share of a class that is found."""

    f1: Float64[np.ndarray, " b"]
    """Mean of the harmonic means."""


def count_by_patient(cases: Cases, decisions: ClassIndices) -> Int64[np.ndarray, "patients k k"]:
    """Count truths and decisions of each patient.

    Args:
        cases: the labelled images.
        decisions: the class decided for, one an image.

    Returns:
        A confusion matrix a patient, in ascending order of the patients' numbers: rows are the
        truth, columns the decision.
    """
    k = len(cases.classes)
    patients, position = np.unique(cases.clusters, return_inverse=True)
    cells = (position * k + cases.truth) * k + decisions
    counts = np.bincount(cells, minlength=patients.size * k * k)
    return counts.reshape(patients.size, k, k).astype(np.int64)


def count_labels_by_patient(
    cases: MultiLabelCases, decisions: Bool[np.ndarray, "n k"]
) -> Int64[np.ndarray, "patients k 2 2"]:
    """Count known labels and decisions of each patient, class by class.

    Args:
        cases: the labelled images.
        decisions: whether each class is decided for.

    Returns:
        Two by two counts a patient and class, in ascending order of the patients' numbers: rows
        are not there and there, columns not decided for and decided for. Uncertain and missing
        labels count nowhere.
    """
    k = len(cases.classes)
    patients, position = np.unique(cases.clusters, return_inverse=True)
    known = (cases.labels == 0) | (cases.labels == 1)
    places = position[:, None] * k + np.arange(k)
    cells = (places * 2 + (cases.labels == 1)) * 2 + decisions
    counts = np.bincount(cells[known], minlength=patients.size * k * 4)
    return counts.reshape(patients.size, k, 2, 2).astype(np.int64)


def average_over_labels(counts: Float64[np.ndarray, "b k 2 2"]) -> Macros:
    """Average precision, recall and F1 over the classes that have an image, each on its own.

    Args:
        counts: as `count_labels_by_patient` gives them, maybe weighted.

    Returns:
        The means, by the rules of `average_over_classes`.
    """
    return _average(counts[:, :, 1, 1], counts[:, :, 1, :].sum(axis=2), counts[..., 1].sum(axis=2))


def average_over_classes(counts: CountStack) -> Macros:
    """Average precision, recall and F1 over the classes that have an image.

    A class that is never decided for has a precision of 0. A class without images is left out
    of all three.

    Args:
        counts: confusion matrices, maybe weighted; each with at least one image.

    Returns:
        The means, in [0, 1].

    Source:
        scikit-learn's `precision_recall_fscore_support` with `average="macro"`,
        `zero_division=0` and `labels` the classes that occur in the truth.

    Example:
        >>> import numpy as np
        >>> average_over_classes(np.array([[[2.0, 2.0], [0.0, 4.0]]])).recall
        array([0.75])
    """
    found = np.diagonal(counts, axis1=1, axis2=2)
    return _average(found, counts.sum(axis=2), counts.sum(axis=1))


def _average(
    found: Float64[np.ndarray, "b k"],
    true: Float64[np.ndarray, "b k"],
    decided: Float64[np.ndarray, "b k"],
) -> Macros:
    """The means, from how many images of each class were found, are there, were decided for."""
    is_present = true > 0
    n_present = is_present.sum(axis=1)

    def average(denominator: Float64[np.ndarray, "b k"], factor: int) -> Float64[np.ndarray, " b"]:
        shares = np.divide(
            factor * found, denominator, out=np.zeros_like(found), where=denominator > 0
        )
        total = (shares * is_present).sum(axis=1)
        undefined = np.full(len(total), np.nan)
        return np.asarray(np.divide(total, n_present, out=undefined, where=n_present > 0))

    return Macros(average(decided, 1), average(true, 1), average(true + decided, 2))
