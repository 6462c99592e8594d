"""ROC curves against scikit-learn and against the AUROC that is told.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_curve

from cxrlens.evaluation.auroc import Ranking, measure_auroc
from cxrlens.evaluation.roc import draw_roc


def test_one_fold_is_scikit_learns_curve() -> None:
    rng = np.random.default_rng(0)
    positive, scores = rng.random(50) < 0.4, np.round(rng.normal(size=50), 1)
    curve = draw_roc(
        Ranking(scores, positive, np.arange(50), np.zeros(50, dtype=np.int64)), "covid"
    )
    assert curve is not None
    expected = roc_curve(positive, scores)
    assert np.array_equal(curve.false_positive_rate, expected[0])
    assert np.array_equal(curve.true_positive_rate, expected[1])
    assert curve.class_name == "covid"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), folds=st.integers(1, 4), levels=st.integers(1, 20))
def test_area_is_the_auroc_within_folds(seed: int, folds: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 60))
    ranking = Ranking(
        rng.integers(0, levels, n).astype(np.float64),
        rng.random(n) < 0.5,
        np.arange(n),
        rng.integers(0, folds, n),
    )
    curve, figure = draw_roc(ranking, "covid"), measure_auroc(ranking)
    if figure is None or curve is None:
        assert curve is None
        assert figure is None
        return
    x, y = curve.false_positive_rate, curve.true_positive_rate
    assert auc(x, y) == pytest.approx(figure.value)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= -1e-12).all()
    assert (x[0], y[0]) == (0, pytest.approx(0)) or y[0] == 0
    assert (x[-1], y[-1]) == (1, pytest.approx(1))


def test_mean_of_two_folds_by_hand() -> None:
    """One fold ranks 1 positive above 1 negative, the other below it."""
    scores = np.array([1.0, 0.0, 0.0, 1.0])
    positive = np.array([True, False, True, False])
    curve = draw_roc(Ranking(scores, positive, np.arange(4), np.array([0, 0, 1, 1])), "covid")
    assert curve is not None
    assert curve.false_positive_rate.tolist() == [0, 0, 1, 1]
    assert curve.true_positive_rate.tolist() == [0, 0.5, 0.5, 1]
