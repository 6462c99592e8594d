"""The boldest threshold that keeps a promise: Learn-then-Test in a fixed sequence.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy.special import bdtr

from cxrlens.evaluation.promise import Side
from cxrlens.vocabulary import Flags, InputError, Scores


@dataclass(frozen=True)
class TestedThreshold:
    """A threshold with the test that it passed."""

    __test__ = False  # its name makes pytest take it for a test

    threshold: float
    """Decided alone is below it (negative) or above it (positive)."""

    n_tested: int
    """Patients at stake."""

    n_wrong: int
    """Of them decided wrongly."""

    p_value: float
    """Of the exact binomial test that the share decided wrongly is above the promise."""


def find_threshold(
    worst: Scores, risk: float, delta: float, grid: tuple[float, ...], decides: Side
) -> TestedThreshold | None:
    """Find the boldest threshold that keeps a promise.

    From the safest threshold on, which decides least, each is tested in turn: that its share of
    wrong decisions is above `risk`. The first that is not rejected at `delta` ends the sequence,
    and the one before it is taken. As the order is fixed beforehand, a threshold above the risk
    is taken with a probability of at most `delta`, however many are tried: to get past the first
    one that is, a single test must err.

    Args:
        worst: one score a patient at stake, in [0, 1].
        risk: the largest share that may be decided wrongly, in (0, 1).
        delta: how often the promise may be broken, in (0, 1).
        grid: thresholds, ascending, that do not depend on these scores.
        decides: what is decided alone.

    Returns:
        The threshold; None where not even the safest passes.

    Source:
        Angelopoulos, Bates, Candès, Jordan and Lei, Ann Appl Stat 2025;19:1641-1662 (Learn then
        Test, arXiv 2110.01052): fixed sequence testing; the test of each is exact binomial.
    """
    ordered = np.asarray(grid if decides == "negative" else grid[::-1], dtype=np.float64)
    ascending = np.sort(worst.astype(np.float64))
    if decides == "negative":
        wrong = np.searchsorted(ascending, ordered, "left")
    else:
        wrong = ascending.size - np.searchsorted(ascending, ordered, "right")
    p_values = find_p_value(wrong, ascending.size, risk)
    failed = np.flatnonzero(p_values > delta)
    last = int(failed[0] if failed.size else ordered.size) - 1
    if last < 0:
        return None
    return TestedThreshold(
        float(ordered[last]), ascending.size, int(wrong[last]), float(p_values[last])
    )


def find_p_value(
    wrong: Int[np.ndarray, " c"], n_tested: int, risk: float
) -> Float64[np.ndarray, " c"]:
    """Find how likely so few wrong decisions are if their true share is the risk.

    Args:
        wrong: numbers of wrong decisions.
        n_tested: of so many.
        risk: in (0, 1).

    Returns:
        One p-value each: the binomial distribution's function.
    """
    return np.asarray(bdtr(wrong.astype(np.float64), n_tested, risk))


def find_decided(scores: Scores, threshold: float, decides: Side) -> Flags:
    """Find the cases that the machine decides alone.

    Args:
        scores: in [0, 1].
        threshold: at the threshold itself a case is referred.
        decides: what is decided alone.

    Raises:
        InputError: if a score is no number: nothing can be decided by it.
    """
    own = scores.astype(np.float64)
    if not np.isfinite(own).all():
        raise InputError(
            f"{int((~np.isfinite(own)).sum())} of {own.size} scores are no numbers, and nothing "
            "can be decided by them; refer those cases"
        )
    return np.asarray(own < threshold if decides == "negative" else own > threshold)
