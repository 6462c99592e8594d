"""The linear stand-in against a slow second writing, scikit-learn and the `lime` package.

SPDX-License-Identifier: Apache-2.0
"""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lime.lime_base import LimeBase
from scipy.optimize import minimize
from scipy.spatial.distance import cosine
from sklearn.metrics import pairwise_distances

from cxrlens.explanation.surrogate import fit_surrogate, weigh_samples

SEEDS = st.integers(0, 2**32 - 1)


def draw(seed: int, n: int = 60, s: int = 7, k: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Samples, and answers that are not linear in them."""
    rng = np.random.default_rng(seed)
    kept = rng.random((n, s)) < 0.5
    kept[0] = True
    return kept, 1 / (1 + np.exp(-(kept @ rng.normal(size=(s, k)) + rng.normal(size=(n, k)))))


def kernel(distance: np.ndarray, width: float) -> np.ndarray:
    """As in the `lime` package."""
    return np.sqrt(np.exp(-(distance**2) / width**2))


@given(SEEDS, st.floats(0.05, 2.0))
def test_how_much_a_sample_counts_slowly(seed: int, width: float) -> None:
    kept, _ = draw(seed, n=20)
    kept = kept[kept.any(axis=1)]
    whole = np.ones(kept.shape[1])
    expected = [kernel(cosine(row.astype(float), whole), width) for row in kept]
    np.testing.assert_allclose(weigh_samples(kept, width), expected, rtol=1e-9, atol=1e-300)


def test_a_sample_that_shows_nothing_is_one_away() -> None:
    kept = np.zeros((1, 5), dtype=bool)
    assert weigh_samples(kept, 0.25).item() == pytest.approx(np.exp(-8))


@pytest.mark.parametrize("alpha", [0.01, 1.0, 50.0])
def test_against_a_search_for_the_least_loss(alpha: float) -> None:
    kept, scores = draw(3, n=40, s=4)
    say = weigh_samples(kept, 0.25)
    found = fit_surrogate(kept, scores, say, alpha)
    for k in range(2):

        def lose(guess: np.ndarray, k: int = k) -> float:
            total = alpha * sum(w**2 for w in guess[1:])
            for row, answer, weight in zip(kept, scores[:, k], say, strict=True):
                told = guess[0] + sum(
                    w for w, is_kept in zip(guess[1:], row, strict=True) if is_kept
                )
                total += weight * (answer - told) ** 2
            return float(total)

        best = minimize(lose, np.zeros(5), method="BFGS", options={"gtol": 1e-9}).x
        np.testing.assert_allclose(found.intercepts[k], best[0], atol=1e-5)
        np.testing.assert_allclose(found.weights[k], best[1:], atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_against_the_lime_package(seed: int) -> None:
    kept, scores = draw(seed, n=200, s=15, k=3)
    found = fit_surrogate(kept, scores, weigh_samples(kept, 0.25), 1.0)
    data = kept.astype(int)
    distances = pairwise_distances(data, data[:1], metric="cosine").ravel()
    base = LimeBase(partial(kernel, width=0.25), random_state=0)
    for k in range(3):
        intercept, pairs, score, local = base.explain_instance_with_data(
            data, scores, distances, k, 100_000
        )
        weights = np.array([weight for _, weight in sorted(pairs)])
        np.testing.assert_allclose(found.weights[k], weights, atol=1e-9)
        assert found.intercepts[k] == pytest.approx(intercept)
        assert found.r2[k] == pytest.approx(score)
        assert found.intercepts[k] + found.weights[k].sum() == pytest.approx(local.item())


@given(SEEDS)
def test_what_is_linear_is_found_but_for_the_penalty(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kept, _ = draw(seed, n=200)
    weights, intercepts = rng.normal(size=(2, 7)), rng.normal(size=2)
    scores = intercepts + kept @ weights.T
    say = weigh_samples(kept, 0.25)
    found = fit_surrogate(kept, scores, say, 1e-9)
    np.testing.assert_allclose(found.weights, weights, atol=1e-6)
    np.testing.assert_allclose(found.intercepts, intercepts, atol=1e-6)
    np.testing.assert_allclose(found.r2, 1, atol=1e-9)
    shrunk = fit_surrogate(kept, scores, say, 1.0)
    assert (np.linalg.norm(shrunk.weights, axis=1) < np.linalg.norm(weights, axis=1)).all()


@given(SEEDS)
def test_other_numbers_for_the_pieces_are_the_same_weights(seed: int) -> None:
    kept, scores = draw(seed)
    order = np.random.default_rng(seed).permutation(7)
    say = weigh_samples(kept, 0.25)
    found, moved = (fit_surrogate(one, scores, say, 1.0) for one in (kept, kept[:, order]))
    np.testing.assert_allclose(moved.weights, found.weights[:, order], atol=1e-9)
    np.testing.assert_allclose(moved.r2, found.r2, atol=1e-9)


@given(SEEDS)
def test_softmax_weights_of_all_classes_cancel(seed: int) -> None:
    """What speaks for one class speaks as much against the others."""
    kept, scores = draw(seed, k=3)
    scores /= scores.sum(axis=1, keepdims=True)
    found = fit_surrogate(kept, scores, weigh_samples(kept, 0.25), 1.0)
    np.testing.assert_allclose(found.weights.sum(axis=0), 0, atol=1e-9)
    assert found.intercepts.sum() == pytest.approx(1)


def test_answers_that_are_all_the_same_give_weights_of_nothing() -> None:
    kept, scores = draw(0)
    scores[:, 1] = 0.3 * (1 + 1e-8 * scores[:, 1])
    found = fit_surrogate(kept, scores, weigh_samples(kept, 0.25), 1.0)
    assert found.weights[0].all()
    assert not found.weights[1].any()
    assert np.isnan(found.r2).tolist() == [False, True]
    assert found.intercepts[1] == pytest.approx(0.3)
