"""A linear stand-in for the network: what each piece is worth.

SPDX-License-Identifier: Apache-2.0
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

Kept = Bool[np.ndarray, "n s"]
"""One row a sample, one column a piece: whether the piece is shown."""

SampleScores = Float64[np.ndarray, "n k"]
"""One row a sample, one column a class: the network's answers."""

Say = Float64[np.ndarray, " n"]
"""How much each sample counts, in (0, 1]."""

_ROUNDING = 1e-6
"""Answers that differ by less than this share of the largest differ by float32 alone."""


class Surrogate(NamedTuple):
    """A weighted ridge regression of the answers on which pieces are shown."""

    weights: Float64[np.ndarray, "k s"]
    """What showing a piece adds to the class's answer; negative speaks against it."""

    intercepts: Float64[np.ndarray, " k"]
    """The answer of the stand-in where every piece is hidden."""

    r2: Float64[np.ndarray, " k"]
    """Share of the answers' weighted variance that the stand-in explains; NaN where the answers
    are all the same."""


def weigh_samples(kept: Kept, kernel_width: float) -> Say:
    """Let a sample count the more, the more of the image it shows.

    Args:
        kept: which pieces each sample shows.
        kernel_width: above 0.

    Returns:
        sqrt(exp(-d² / width²)) of the cosine distance d between a sample's row and a row of ones;
        the distance is 1 where nothing is shown.

    Source: Ribeiro et al. 2016, "Why Should I Trust You?", §3.4, with the square root of the
    `lime` package.
    """
    distance = 1 - np.sqrt(kept.mean(axis=1))
    return np.asarray(np.sqrt(np.exp(-((distance / kernel_width) ** 2))))


def fit_surrogate(kept: Kept, scores: SampleScores, say: Say, alpha: float) -> Surrogate:
    """Fit the answers of all classes at once.

    Args:
        kept: which pieces each sample shows.
        scores: the network's answers.
        say: how much each sample counts.
        alpha: penalty on the squared weights, above 0; the intercept is not penalised.

    Returns:
        The stand-in; weights of 0 where the answers are all the same.

    Source: Ribeiro et al. 2016, "Why Should I Trust You?", eq. 2, with the ridge regression of
    the `lime` package in the place of its lasso.
    """
    share = say / say.sum()
    mean_kept, mean_scores = share @ kept, share @ scores
    pieces, answers = kept - mean_kept, scores - mean_scores
    weighted = pieces * say[:, None]
    gram = weighted.T @ pieces + alpha * np.eye(kept.shape[1])
    weights = np.linalg.solve(gram, weighted.T @ answers).T
    is_same = np.ptp(scores, axis=0) <= _ROUNDING * np.abs(scores).max(axis=0)
    weights[is_same] = 0.0
    left = share @ (answers - pieces @ weights.T) ** 2
    spread = np.where(is_same, np.nan, share @ answers**2)
    return Surrogate(weights, mean_scores - weights @ mean_kept, 1 - left / spread)
