"""Balanced accuracy against scikit-learn, MOVER by hand and statsmodels.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from statsmodels.stats.proportion import proportion_confint

from cxrlens.evaluation.balanced_accuracy import find_balanced_errors, measure_balanced_accuracy


@settings(max_examples=50)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 80))
def test_value_is_scikit_learns_in_any_order(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    is_true, is_decided = rng.random(n) < 0.4, rng.random(n) < 0.5
    clusters, order = rng.integers(0, 25, n), rng.permutation(n)
    figure = measure_balanced_accuracy(is_true, is_decided, clusters)
    if is_true.all() or not is_true.any():
        assert figure is None
        return
    assert figure is not None
    assert figure.value == pytest.approx(balanced_accuracy_score(is_true, is_decided))
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    again = measure_balanced_accuracy(is_true[order], is_decided[order], clusters[order])
    assert again is not None
    assert (again.low, again.high) == pytest.approx((figure.low, figure.high))
    assert find_balanced_errors(is_true, is_decided).sum() == pytest.approx(0, abs=1e-12)


def test_one_image_a_patient_is_mover_over_wilsons() -> None:
    """Zou 2007: distances of statsmodels' Wilson ends, added in squares."""
    is_true = np.arange(120) < 50
    is_decided = np.isin(np.arange(120) % 10, (0, 1, 2, 3, 4, 5, 6)) == is_true
    hits, left = int((is_true & is_decided).sum()), int((~is_true & ~is_decided).sum())
    found = proportion_confint(hits, 50, method="wilson")
    spared = proportion_confint(left, 70, method="wilson")
    a, b = hits / 50, left / 70
    low = (a + b) / 2 - np.hypot(a - found[0], b - spared[0]) / 2
    high = (a + b) / 2 + np.hypot(found[1] - a, spared[1] - b) / 2
    figure = measure_balanced_accuracy(is_true, is_decided, np.arange(120))
    assert figure is not None
    assert (figure.low, figure.high) == pytest.approx((low, high))


def test_patients_that_are_right_in_all_or_in_nothing_widen_it() -> None:
    rng = np.random.default_rng(0)
    clusters, is_true = np.repeat(np.arange(80), 2), np.tile([True, False], 80)
    together = np.repeat(rng.random(80) < 0.7, 2)
    apart = np.where(is_true, together, np.roll(together, 1 + 2 * 17))
    wide, narrow = (
        measure_balanced_accuracy(is_true, is_true == is_right, clusters)
        for is_right in (together, apart)
    )
    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
