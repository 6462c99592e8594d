"""Average precision, with an interval that knows about patients and folds.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from cxrlens.evaluation.auroc import Ranking, keep_comparable
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.patients import (
    TOO_FEW,
    count_effective,
    count_patients,
    find_worst_design_effect,
    sum_by_patient,
)
from cxrlens.evaluation.proportions import find_wilson_ends
from cxrlens.vocabulary import Flags, Scores


@dataclass(frozen=True, eq=False)
class Precisions:
    """An average precision and what each image does to it."""

    value: float
    """The average precision, in (0, 1]."""

    errors: Float64[np.ndarray, " n"]
    """How fast the value changes as each image counts more often; they sum to 0."""


def measure_average_precision(ranking: Ranking) -> Figure | None:
    """Measure the average precision: the precision at each positive's score, averaged.

    Of images of the same fold only, since scores of different models cannot be compared: with
    several folds this is the mean of their average precisions, weighted by their positives. What
    guessing reaches is the share of positives, so that figures of collections with other shares
    cannot be compared. The interval is Student's t on the logit scale, with the variance of the
    value's linear part over patients. Where fewer than `TOO_FEW` patients make up that variance
    (a perfect ranking, or nearly one), the interval also holds Wilson's with the patients of the
    rarer side in place of images, since the value is a mean over positives of numbers in [0, 1].

    Args:
        ranking: the images.

    Returns:
        The average precision with its interval; None where no fold has a positive and a negative.

    Source:
        scikit-learn's `average_precision_score` (steps, no interpolation); variance: the
        infinitesimal jackknife, Efron, The Jackknife, the Bootstrap and Other Resampling Plans,
        1982, ch. 6, over clusters; logit scale: Boyd, Eng and Page, ECML PKDD 2013, LNAI
        8190:451-466.

    Example:
        >>> import numpy as np
        >>> zeros = np.zeros(4, dtype=np.int64)
        >>> scores = np.array([0.1, 0.4, 0.35, 0.8])
        >>> truth = np.array([False, False, True, True])
        >>> figure = measure_average_precision(Ranking(scores, truth, np.arange(4), zeros))
        >>> round(figure.value, 4)
        0.8333
    """
    ranking = keep_comparable(ranking)
    if ranking.scores.size == 0:
        return None
    found = find_precisions(ranking)
    by_patient = sum_by_patient(found.errors, ranking.clusters)
    positive = ranking.is_positive
    n_patients = min(count_patients(ranking.clusters[side]) for side in (positive, ~positive))
    quantile = float(stdtrit(max(n_patients - 1, 1), 0.975))
    variance = float((by_patient**2).sum()) * by_patient.size / max(by_patient.size - 1, 1)
    low, high = find_logit_ends(found.value, variance, quantile)
    is_lean = count_effective(by_patient) < TOO_FEW
    if is_lean:
        ends = find_wilson_ends(found.value, _count_rarer(ranking), quantile)
        low, high = min(low, ends[0]), max(high, ends[1])
    method = _name_method(is_lean, np.unique(ranking.folds).size)
    return Figure(found.value, low, high, ranking.scores.size, n_patients, is_lean, method)


def _count_rarer(ranking: Ranking) -> float:
    """The images of the rarer side, as if all images of a patient were one."""
    sides = (ranking.is_positive, ~ranking.is_positive)
    return min(int(side.sum()) / find_worst_design_effect(ranking.clusters[side]) for side in sides)


def _name_method(is_lean: bool, n_folds: int) -> str:
    parts = ["t by patient, logit scale"]
    if is_lean:
        parts.append(", widened to Wilson on patients: few make it up")
    if n_folds > 1:
        parts.append("; images compared within folds only")
    return "".join(parts)


def find_precisions(ranking: Ranking) -> Precisions:
    """Find the average precision and how fast it changes as each image counts more often.

    Args:
        ranking: the images; each fold has positives and negatives.

    Returns:
        The value in (0, 1] and one number an image.
    """
    at_own_score = np.empty(ranking.scores.size)
    errors = np.empty(ranking.scores.size)
    for fold in np.unique(ranking.folds):
        inside = np.flatnonzero(ranking.folds == fold)
        scores, positive = ranking.scores[inside], ranking.is_positive[inside]
        at_own_score[inside], errors[inside] = _walk_down(scores, positive)
    positive = ranking.is_positive
    value = float(at_own_score[positive].mean())
    errors += positive * (at_own_score - value)
    return Precisions(min(value, 1.0), errors / positive.sum())


def _walk_down(
    scores: Scores, positive: Flags
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Of each image the precision at its score, and what it does to those at and below it."""
    _, rung = np.unique(-scores, return_inverse=True)  # equal scores share one, highest first
    n_positive = np.bincount(rung, weights=positive)
    n_above = np.cumsum(np.bincount(rung)).astype(np.float64)
    precision = np.cumsum(n_positive) / n_above
    # one more image at or above a rung moves its precision by (is positive - precision) / n
    gain = np.cumsum((n_positive / n_above)[::-1])[::-1]
    loss = np.cumsum((n_positive * precision / n_above)[::-1])[::-1]
    return precision[rung], positive * gain[rung] - loss[rung]
