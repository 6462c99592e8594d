"""The ROC curve, whose area is the AUROC that is told.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.auroc import Ranking, keep_comparable
from cxrlens.evaluation.records import RocCurve

Axis: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]
"""One axis of a curve, of any length."""


def draw_roc(ranking: Ranking, class_name: str) -> RocCurve | None:
    """Draw sensitivity against 1 − specificity.

    With several folds: the mean of their curves at each false positive rate, weighted by their
    pairs of a positive and a negative, so that the area is the AUROC within folds. Scores of
    different models are never put on one scale.

    Args:
        ranking: the images, with their folds.
        class_name: the class taken as positive.

    Returns:
        The curve from (0, 0) to (1, 1); a false positive rate stands twice where the curve is
        vertical. None where no fold has a positive and a negative.

    Source:
        Fawcett, Pattern Recognition Letters 2006;27:861-874, §9.1 (vertical averaging).
    """
    from sklearn.metrics import roc_curve  # noqa: PLC0415 (slow)

    ranking = keep_comparable(ranking)
    if ranking.scores.size == 0:
        return None
    curves, pairs = [], []
    for fold in np.unique(ranking.folds):
        inside = ranking.folds == fold
        positive = ranking.is_positive[inside]
        false_rate, true_rate, _ = roc_curve(positive, ranking.scores[inside])
        curves.append((false_rate, true_rate))
        pairs.append(positive.sum() * (~positive).sum())
    return RocCurve(class_name, *average_curves(curves, np.array(pairs) / np.sum(pairs)))


def average_curves(
    curves: Sequence[tuple[Axis, Axis]], weights: Float64[np.ndarray, " folds"]
) -> tuple[Axis, Axis]:
    """Average curves at each false positive rate.

    Args:
        curves: false and true positive rate of each.
        weights: of each; they sum to 1.

    Returns:
        The weighted mean; one curve as it is.
    """
    if len(curves) == 1:
        return curves[0]
    rates = np.unique(np.concatenate([false_rate for false_rate, _ in curves]))
    ends = np.stack([_find_both_ends(*curve, rates) for curve in curves])
    # rounding of the weights must not lead the curve beyond its corner
    heights = np.minimum(np.einsum("f,fer->re", weights, ends).ravel(), 1.0)
    return np.repeat(rates, 2), heights


def _find_both_ends(
    false_rate: Float64[np.ndarray, " steps"],
    true_rate: Float64[np.ndarray, " steps"],
    rates: Float64[np.ndarray, " r"],
) -> Float64[np.ndarray, "2 r"]:
    """The lowest and the highest sensitivity of a curve at each false positive rate."""
    own, first = np.unique(false_rate, return_index=True)
    last = np.append(first[1:], false_rate.size) - 1
    after = np.searchsorted(own, rates, "left")
    before = np.searchsorted(own, rates, "right") - 1
    share = (rates - own[before]) / np.where(after > before, own[after] - own[before], 1.0)
    between = true_rate[last[before]] * (1 - share) + true_rate[first[after]] * share
    is_own = after == before
    low = np.where(is_own, true_rate[first[after]], between)
    high = np.where(is_own, true_rate[last[before]], between)
    return np.stack([low, high])
