"""The Brier score against scikit-learn, loops and copies.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import brier_score_loss

from cxrlens.evaluation.brier import measure_brier, measure_brier_of_classes
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.proportions import find_wilson_ends


@settings(max_examples=60)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 60))
def test_value_is_scikit_learns_in_any_order(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities, is_true = rng.random(n), rng.random(n) < 0.4
    clusters, order = rng.integers(0, 20, n), rng.permutation(n)
    figure = measure_brier(probabilities, is_true, clusters)
    again = measure_brier(probabilities[order], is_true[order], clusters[order])
    assert figure.value == pytest.approx(brier_score_loss(is_true, probabilities))
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert (again.low, again.high) == pytest.approx((figure.low, figure.high))


@pytest.mark.parametrize("k", [2, 3, 5])
def test_of_classes_it_is_scikit_learns_halved(k: int) -> None:
    rng = np.random.default_rng(k)
    probabilities, truth = (
        rng.dirichlet(np.ones(k), 90),
        np.append(np.arange(k), rng.integers(0, k, 90 - k)),
    )
    figure = measure_brier_of_classes(probabilities, truth, np.arange(90))
    expected = brier_score_loss(truth, probabilities, scale_by_half=True)
    assert figure.value == pytest.approx(expected)
    if k == 2:
        one = measure_brier(probabilities[:, 0], truth == 0, np.arange(90))
        assert (one.value, one.low, one.high) == pytest.approx(
            (figure.value, figure.low, figure.high)
        )


@pytest.mark.parametrize(
    ("told", "rains", "score"),
    [(1.0, True, 0), (1.0, False, 1), (0.7, True, 0.09)] + [(0.3, True, 0.49), (0.5, True, 0.25)],
)
def test_the_forecasts_of_rain_that_text_books_work_out(
    told: float, rains: bool, score: float
) -> None:
    """As in Wikipedia's "Brier score", section "Example"."""
    figure = measure_brier(np.array([told]), np.array([rains]), np.arange(1))
    assert figure.value == pytest.approx(score)


def test_interval_by_loops() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(60), rng.integers(1, 5, 60))
    probabilities, is_true = rng.random(clusters.size), rng.random(clusters.size) < 0.5
    squares = [(p - (1.0 if y else 0.0)) ** 2 for p, y in zip(probabilities, is_true, strict=True)]
    mean, total = sum(squares) / len(squares), 0.0
    for patient in range(60):
        own = [s for s, c in zip(squares, clusters, strict=True) if c == patient]
        total += (sum(own) - mean * len(own)) ** 2
    variance = 60 / 59 * total / len(squares) ** 2
    figure = measure_brier(probabilities, is_true, clusters)
    expected = find_logit_ends(mean, variance, float(t.ppf(0.975, 59)))
    assert (figure.low, figure.high) == pytest.approx(expected)
    assert (figure.n, figure.n_patients, figure.is_lean) == (clusters.size, 60, False)


def test_copies_of_images_tell_nothing_new() -> None:
    rng = np.random.default_rng(2)
    p, y = rng.random(80), rng.random(80) < 0.5
    once = measure_brier(p, y, np.arange(80))
    thrice = [np.repeat(part, 3) for part in (p, y, np.arange(80))]
    twice = measure_brier(*thrice)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    naive = measure_brier(thrice[0], thrice[1], np.arange(240))
    assert naive.high - naive.low < 0.7 * (once.high - once.low)


def test_a_confident_model_with_two_mistakes_is_not_certain() -> None:
    rng = np.random.default_rng(3)
    y = np.arange(200) < 100
    p = np.where(y, 0.999, 0.001) - rng.random(200) * 1e-4 * y
    p[[0, 150]] = [0.02, 0.97]
    figure = measure_brier(p, y, np.arange(200))
    assert figure.is_lean
    assert figure.high >= find_wilson_ends(figure.value, 200.0)[1]


def test_a_perfect_model_leaves_room_and_four_patients_are_too_few() -> None:
    y = np.arange(40) < 20
    figure = measure_brier(y.astype(np.float64), y, np.arange(40))
    assert (figure.value, figure.low) == (0, 0)
    assert figure.high > 0.05
    few = measure_brier(np.linspace(0, 1, 40), y, np.arange(40) % 4)
    assert few.to_estimate().low is None
