"""How much another seed would change the order of the weights.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64, Int64

from cxrlens.explanation.surrogate import Kept, SampleScores, Say, fit_surrogate

_SPLITS = 10
"""Over which the figure is averaged."""

_LEAST = 1e-9
"""Keeps divisions from 0."""

_SPEARMAN_BROWN = 0.5
"""Share of the odds of disorder, 1/r - 1, that is left when a run becomes twice as long, where r
is the correlation of values; it falls more slowly for ranks of which many are near to each other.
"""


def estimate_stability(
    kept: Kept, scores: SampleScores, say: Say, alpha: float
) -> Float64[np.ndarray, " k"]:
    """Predict how alike two runs with other seeds rank the pieces.

    The samples after the first, which is always the whole image, are split at random. Two halves
    share no other sample, so that they agree as two runs of half the length do, and two quarters
    as two runs of a quarter. How agreement grows from quarter to half says how it grows from half
    to whole: 1/r - 1 shrinks by the same share, but never by more than the Spearman–Brown formula
    has it.

    Args:
        kept: which pieces each sample shows; at least ten samples.
        scores: the network's answers.
        say: how much each sample counts.
        alpha: penalty of the ridge regression.

    Returns:
        For each class the expected Spearman correlation of the weights between two runs, in
        [0, 1]; NaN where the weights are all the same, as for a single piece.

    Source: after Spearman 1910, "Correlation calculated from faulty data", and Brown 1910, "Some
    experimental results in the correlation of mental abilities".
    """
    rng = np.random.default_rng(0)

    def fit(rows: Int64[np.ndarray, " m"]) -> Float64[np.ndarray, "k s"]:
        some = np.append(0, rows)
        return fit_surrogate(kept[some], scores[some], say[some], alpha).weights

    halves, quarters = [], []
    for _ in range(_SPLITS):
        a, b, c, d = np.array_split(1 + rng.permutation(len(kept) - 1), 4)
        halves.append(correlate_ranks(fit(np.append(a, b)), fit(np.append(c, d))))
        quarters += [correlate_ranks(fit(a), fit(b)), correlate_ranks(fit(c), fit(d))]
    half, quarter = (np.clip(np.mean(r, axis=0), _LEAST, 1) for r in (halves, quarters))
    odds, more_odds = 1 / half - 1, 1 / quarter - 1
    left = np.clip(odds / np.maximum(more_odds, _LEAST), _SPEARMAN_BROWN, 1)
    return np.asarray(1 / (1 + left * odds))


def correlate_ranks(
    first: Float64[np.ndarray, "k s"], second: Float64[np.ndarray, "k s"]
) -> Float64[np.ndarray, " k"]:
    """Correlate the ranks of two sets of weights, class by class (Spearman's rho).

    Args:
        first: weights, one row a class.
        second: those of another run.

    Returns:
        In [-1, 1]; NaN where all weights of a row are the same.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 (slow)

    a, b = (rankdata(one, axis=1) - (one.shape[1] + 1) / 2 for one in (first, second))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.where(scale > 0, scale, np.nan))
