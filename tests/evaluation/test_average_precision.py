"""Average precision against scikit-learn, differences, the jackknife and simulation.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.average_precision import find_precisions, measure_average_precision
from cxrlens.evaluation.logit import find_logit_ends


def _draw(seed: int, n_patients: int, folds: int = 1) -> Ranking:
    """Up to four images a patient, scores and truths that hang together, many ties."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
    positive = rng.random(clusters.size) < 0.1 + 0.5 * (rng.random(n_patients)[clusters] > 0.5)
    scores = rng.normal(size=n_patients)[clusters] + rng.normal(size=clusters.size) + 1.5 * positive
    return Ranking(np.round(scores, 1), positive, clusters, clusters % folds)


def _keep(ranking: Ranking, rows: np.ndarray) -> Ranking:
    return Ranking(
        ranking.scores[rows], ranking.is_positive[rows], ranking.clusters[rows], ranking.folds[rows]
    )


@settings(max_examples=60)
@given(scores=st.lists(st.integers(0, 6), min_size=2, max_size=30), data=st.data())
def test_value_is_scikit_learns(scores: list[int], data: st.DataObject) -> None:
    n = len(scores)
    positive = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    ranking = Ranking(
        np.array(scores, dtype=np.float64), positive, np.arange(n), np.zeros(n, dtype=np.int64)
    )
    figure = measure_average_precision(ranking)
    if positive.all() or not positive.any():
        assert figure is None
        return
    assert figure is not None
    assert figure.value == pytest.approx(average_precision_score(positive, ranking.scores))
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_errors_are_the_differences_that_weights_make() -> None:
    """Against scikit-learn with one image after the other weighted a little more."""
    ranking = _draw(1, 12)
    found = find_precisions(ranking)
    assert found.errors.sum() == pytest.approx(0, abs=1e-12)
    step = 1e-6
    for row in range(ranking.scores.size):
        ends = []
        for sign in (1, -1):
            weights = np.ones(ranking.scores.size)
            weights[row] += sign * step
            ends.append(
                average_precision_score(ranking.is_positive, ranking.scores, sample_weight=weights)
            )
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(found.errors[row], abs=1e-6)


def test_folds_are_averaged_by_their_positives() -> None:
    ranking = _draw(7, 60, folds=3)
    shifted = Ranking(
        ranking.scores + 100.0 * ranking.folds,
        ranking.is_positive,
        ranking.clusters,
        ranking.folds,
    )
    own, counts = [], []
    for fold in range(3):
        inside = ranking.folds == fold
        positive = ranking.is_positive[inside]
        own.append(average_precision_score(positive, ranking.scores[inside]))
        counts.append(positive.sum())
    figure = measure_average_precision(shifted)
    assert figure is not None
    assert figure.value == pytest.approx(np.average(own, weights=counts))
    assert figure == measure_average_precision(ranking)
    assert "within folds" in figure.method


@pytest.mark.parametrize("folds", [1, 3])
def test_variance_is_the_jackknifes_over_patients(folds: int) -> None:
    ranking = _draw(2, 240, folds)
    value = find_precisions(ranking).value
    without = np.array(
        [find_precisions(_keep(ranking, ranking.clusters != one)).value for one in range(240)]
    )
    variance = 239 / 240 * np.sum((without - without.mean()) ** 2)
    figure = measure_average_precision(ranking)
    assert figure is not None
    expected = find_logit_ends(value, float(variance), 1.98)
    assert (figure.low, figure.high) == pytest.approx(expected, abs=0.006)


def test_order_and_copies_change_nothing_and_unrelated_copies_would() -> None:
    ranking = _draw(3, 60)
    once = measure_average_precision(ranking)
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(ranking.scores.size), 2))
    twice = measure_average_precision(_keep(ranking, order))
    naive = measure_average_precision(
        Ranking(
            ranking.scores[order],
            ranking.is_positive[order],
            np.arange(order.size),
            ranking.folds[order],
        )
    )
    assert once is not None
    assert twice is not None
    assert naive is not None
    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high))
    assert naive.high - naive.low < 0.75 * (once.high - once.low)


def test_a_perfect_ranking_leaves_room_for_patients() -> None:
    positive = np.repeat([True, False], 60)
    clusters = np.repeat(np.arange(40), 3)
    figure = measure_average_precision(
        Ranking(1.0 * positive, positive, clusters, np.zeros(120, dtype=np.int64))
    )
    assert figure is not None
    assert (figure.value, figure.high, figure.is_lean) == (1.0, 1.0, True)
    assert figure.low < 0.85


def test_four_patients_with_positives_are_too_few() -> None:
    positive = np.arange(50) < 8
    clusters = np.concatenate([np.repeat(np.arange(4), 2), np.arange(10, 52)])
    scores = np.random.default_rng(0).normal(size=50)
    figure = measure_average_precision(
        Ranking(scores, positive, clusters, np.zeros(50, dtype=np.int64))
    )
    assert figure is not None
    assert figure.to_estimate().low is None
