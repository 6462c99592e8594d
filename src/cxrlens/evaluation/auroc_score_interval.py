"""The score interval of an AUROC, which does not collapse where the ranking is perfect.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq

from cxrlens.evaluation.proportions import Z95

FoldCounts = Float64[np.ndarray, " folds"]
"""One effective number of cases a fold."""

_EDGE = 1e-9


def find_score_ends(
    value: float, positives: FoldCounts, negatives: FoldCounts
) -> tuple[float, float]:
    """Find the AUROCs from which the one seen lies just 1.96 standard errors away.

    The standard error is Hanley and McNeil's at the AUROC in question, not at the one seen, so
    that it is not 0 where the ranking is perfect. Folds are independent; their AUROCs are
    weighted by their pairs.

    Args:
        value: the AUROC seen, in [0, 1].
        positives: effective number of positives of each fold, above 0 (need not be whole).
        negatives: effective number of negatives of each fold, in the same order.

    Returns:
        The lower and the upper end, in [0, 1]; the value lies between them.

    Source:
        Newcombe, Stat Med 2006;25:559-573 (part 2, method 5); variance after Hanley and McNeil,
        Radiology 1982;143:29-36, with both numbers replaced by their mean.

    Example:
        >>> import numpy as np
        >>> low, high = find_score_ends(1.0, np.array([50.0]), np.array([50.0]))
        >>> print(f"{low:.3f} {high:.3f}")
        0.960 1.000
    """

    def fall_short(candidate: float, side: int) -> float:
        error = math.sqrt(find_exponential_variance(candidate, positives, negatives))
        return side * (value - candidate) - Z95 * error

    # at 0 and 1 the standard error is 0, and the value itself would be found
    low = brentq(fall_short, 0.0, min(value, 1 - _EDGE), args=(1,)) if value > 0 else 0.0
    high = brentq(fall_short, max(value, _EDGE), 1.0, args=(-1,)) if value < 1 else 1.0
    return float(low), float(high)


def find_exponential_variance(value: float, positives: FoldCounts, negatives: FoldCounts) -> float:
    """Find the variance of an AUROC whose scores are exponential in both classes.

    Args:
        value: the true AUROC, in [0, 1].
        positives: effective number of positives of each fold.
        negatives: effective number of negatives of each fold.

    Returns:
        The variance of the pair-weighted mean over folds; 0 at 0 and 1.

    Source:
        Hanley and McNeil, Radiology 1982;143:29-36, eq. 2; Newcombe, Stat Med 2006;25:559-573,
        method 5.
    """
    pairs = positives * negatives
    others = np.maximum((positives + negatives) / 2 - 1, 0)
    shared = 1 + others * ((1 - value) / (2 - value) + value / (1 + value))
    by_fold = value * (1 - value) * shared / pairs
    weights = pairs / pairs.sum()
    return float((weights**2 * by_fold).sum())
