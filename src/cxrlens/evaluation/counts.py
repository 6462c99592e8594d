"""Counts of truths and decisions become precision, recall and F1.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from cxrlens.evaluation.cases import Cases
from cxrlens.vocabulary import ClassIndices

CountStack = Float64[np.ndarray, "b k k"]
"""Many confusion matrices: rows are the truth, columns the decision."""


@dataclass(frozen=True, eq=False)
class Macros:
    """Means over the classes that have an image; one a confusion matrix."""

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
    true, decided = counts.sum(axis=2), counts.sum(axis=1)
    is_present = true > 0

    def average(denominator: Float64[np.ndarray, "b k"], factor: int) -> Float64[np.ndarray, " b"]:
        shares = np.divide(
            factor * found, denominator, out=np.zeros_like(found), where=denominator > 0
        )
        return np.asarray((shares * is_present).sum(axis=1) / is_present.sum(axis=1))

    return Macros(average(decided, 1), average(true, 1), average(true + decided, 2))
