"""Newcombe's interval against its own equation and against simulated exponentials.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.evaluation.auroc_score_interval import find_exponential_variance, find_score_ends
from cxrlens.evaluation.proportions import Z95

ONE = np.array([1.0])


@given(value=st.floats(0, 1), positives=st.floats(1.5, 5000), negatives=st.floats(1.5, 5000))
def test_the_value_lies_one_quantile_from_either_end(
    value: float, positives: float, negatives: float
) -> None:
    m, n = ONE * positives, ONE * negatives
    low, high = find_score_ends(value, m, n)
    assert 0 <= low <= value <= high <= 1
    for end in {low, high} - {0.0, 1.0}:
        error = math.sqrt(find_exponential_variance(end, m, n))
        assert abs(value - end) == pytest.approx(Z95 * error, abs=1e-6)


def test_it_does_not_collapse() -> None:
    m = n = ONE * 50
    low, high = find_score_ends(1.0, m, n)
    assert high == 1
    assert 0.95 < low < 0.97
    assert find_score_ends(0.0, m, n) == pytest.approx((0.0, 1 - low))


def test_hanley_mcneil_1982_by_hand() -> None:
    """With equal numbers Newcombe's replacement changes nothing."""
    q1, q2 = 0.8 / 1.2, 2 * 0.64 / 1.8
    expected = (0.8 * 0.2 + 29 * (q1 - 0.64) + 29 * (q2 - 0.64)) / 900
    assert find_exponential_variance(0.8, ONE * 30, ONE * 30) == pytest.approx(expected)


def test_variance_of_simulated_exponentials() -> None:
    rng = np.random.default_rng(0)
    ratio = 0.9 / 0.1
    above = rng.exponential(ratio, (4000, 20, 1))
    below = rng.exponential(1, (4000, 1, 20))
    seen = (above > below).mean(axis=(1, 2))
    assert seen.mean() == pytest.approx(0.9, abs=0.005)
    assert find_exponential_variance(0.9, ONE * 20, ONE * 20) == pytest.approx(seen.var(), rel=0.1)


def test_folds_add_up_independently() -> None:
    whole = find_exponential_variance(0.9, ONE * 20, ONE * 20)
    halves = find_exponential_variance(0.9, np.full(4, 20.0), np.full(4, 20.0))
    assert halves == pytest.approx(whole / 4)
