"""The population stability index, and how likely it is by chance.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
from jaxtyping import Float64, Int64

from cxrlens.vocabulary import Scores

N_BINS = 10
"""Bins, by deciles: as the index is usually made."""

_ENOUGH = 10
"""Permutations at least as far out at which no more are drawn."""

_BATCH = 1000
"""Permutations drawn at first; then as many again as were drawn before, up to a hundred times."""

BinCounts = Int64[np.ndarray, " bins"]
"""Values by bin."""


def find_edges(values: Scores) -> Float64[np.ndarray, " edges"]:
    """Find the inner edges of bins that hold a tenth of some values each.

    Args:
        values: at least one; not those that are compared later.

    Returns:
        Up to nine edges, ascending; fewer where many values are equal.
    """
    levels = np.arange(1, N_BINS) / N_BINS
    return np.unique(np.quantile(values.astype(np.float64), levels))


def count_bins(values: Scores, edges: Float64[np.ndarray, " edges"]) -> BinCounts:
    """Count values by bin; a value at an edge lies in the bin above it.

    Args:
        values: to be counted.
        edges: inner edges, ascending.
    """
    bins = np.searchsorted(edges, values.astype(np.float64), "right")
    return np.bincount(bins, minlength=edges.size + 1).astype(np.int64)


def measure_psi(reference: BinCounts, counts: BinCounts) -> float:
    """Measure the population stability index of some values against a reference.

    Half a value is added to every bin of both, so that an empty bin does not make it infinite.

    Args:
        reference: counts of the reference.
        counts: counts of the others, in the same bins.

    Returns:
        The sum over bins of (q - p) ln(q / p), at least 0. Usually said of it: below 0.1 little
        has changed, above 0.25 much has. Such a rule knows nothing of the number of cases.

    Source:
        Jeffreys, Proc R Soc A 1946;186:453-461 (the divergence that is symmetric in both);
        Siddiqi, Credit Risk Scorecards, 2006 (the index).

    Example:
        >>> import numpy as np
        >>> round(measure_psi(np.array([50, 50]), np.array([90, 10])), 2)
        0.85
    """
    return float(_measure_all(reference, counts[None])[0])


def find_psi_p_value(
    reference: BinCounts, counts: BinCounts, alpha: float, rng: np.random.Generator
) -> float:
    """Find how often chance alone gives an index at least as large.

    If nothing has changed, which of all values are the new ones is a matter of chance. So they are
    drawn from all again, without putting back: exact, also where values are equal, as long as the
    edges come from neither. Draws end early where chance clearly does as well.

    Args:
        reference: counts of the reference.
        counts: counts of the others, in the same bins.
        alpha: the level at which it is going to be judged; sets the number of draws.
        rng: of the draws.

    Returns:
        A p-value: at most alpha with a probability of at most alpha where nothing has changed.

    Source:
        Besag and Clifford, Biometrika 1991;78:301-304 (sequential Monte Carlo p-values).
    """
    seen = measure_psi(reference, counts) * (1 - 1e-12)  # equal ones differ by rounding
    together, n = reference + counts, int(counts.sum())
    most = math.ceil(_ENOUGH / alpha)
    drawn = far = 0
    while drawn < most - 1:
        size = min(max(_BATCH, min(drawn, 100 * _BATCH)), most - 1 - drawn)
        new = rng.multivariate_hypergeometric(together, n, size=size, method="marginals")
        is_far = _measure_all(together - new, new) >= seen
        if far + int(is_far.sum()) >= _ENOUGH:
            last = int(np.flatnonzero(is_far)[_ENOUGH - far - 1])
            return _ENOUGH / (drawn + last + 1)
        far, drawn = far + int(is_far.sum()), drawn + size
    return (far + 1) / most


def _measure_all(reference: np.ndarray, counts: np.ndarray) -> Float64[np.ndarray, " draws"]:
    """The index of each row."""
    ours, theirs = counts + 0.5, reference + 0.5
    q = ours / ours.sum(axis=-1, keepdims=True)
    p = theirs / theirs.sum(axis=-1, keepdims=True)
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1), dtype=np.float64)
