"""The stability figure against what other seeds in fact give.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from cxrlens.explanation.stability import correlate_ranks, estimate_stability
from cxrlens.explanation.surrogate import fit_surrogate, weigh_samples

TRUE = np.random.default_rng(8).normal(size=(1, 25)) ** 3 / 5
"""A few strong pieces and many weak ones."""


def run(seed: int, n: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One run on a network that is linear but for noise."""
    rng = np.random.default_rng(seed)
    kept = rng.random((n, 25)) < 0.5
    kept[0] = True
    return kept, kept @ TRUE.T + noise * rng.normal(size=(n, 1)), weigh_samples(kept, 0.25)


@pytest.mark.parametrize(("n", "noise"), [(200, 0.3), (200, 1.0), (200, 3.0), (800, 1.0)])
def test_it_foretells_how_alike_other_seeds_are(n: int, noise: float) -> None:
    runs = [run(seed, n, noise) for seed in range(24)]
    foretold = np.mean([estimate_stability(*one, 1.0) for one in runs])
    weights = [fit_surrogate(*one, 1.0).weights for one in runs]
    pairs = [correlate_ranks(a, b) for i, a in enumerate(weights) for b in weights[:i]]
    assert foretold == pytest.approx(np.mean(pairs), abs=0.06)


@given(st.integers(0, 2**32 - 1))
def test_ranks_are_correlated_as_in_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (rng.integers(0, 6, (3, 9)).astype(float) for _ in "ab")
    first[:, 0], second[:, 0] = 7, -1  # never all the same
    found = correlate_ranks(first, second)
    for k in range(3):
        assert found[k] == pytest.approx(spearmanr(first[k], second[k]).statistic)


def test_it_is_one_without_noise_and_nothing_with_noise_alone() -> None:
    kept, scores, say = run(0, 400, 0.0)
    assert estimate_stability(kept, scores, say, 1e-6)[0] == pytest.approx(1, abs=1e-6)
    noise = np.random.default_rng(0).normal(size=(400, 40))
    assert estimate_stability(kept, noise, say, 1.0).mean() < 0.2


def test_nothing_can_be_ranked_where_all_is_the_same() -> None:
    kept, scores, say = run(0, 40, 1.0)
    assert np.isnan(estimate_stability(kept, np.full_like(scores, 0.5), say, 1.0)).all()
    assert np.isnan(estimate_stability(kept[:, :1], scores, say, 1.0)).all()
