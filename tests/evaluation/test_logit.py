"""Intervals on the logit scale.

SPDX-License-Identifier: Apache-2.0
"""

import math

import pytest

from cxrlens.evaluation.logit import find_logit_ends


def test_worked_example() -> None:
    low, high = find_logit_ends(0.8, 0.05**2, 2.0)
    odds, factor = 0.8 / 0.2, math.exp(2 * 0.05 / 0.16)
    assert low == pytest.approx((odds / factor) / (1 + odds / factor))
    assert high == pytest.approx((odds * factor) / (1 + odds * factor))


@pytest.mark.parametrize(("value", "variance"), [(0.0, 0.1), (1.0, 0.1), (0.5, 0.0)])
def test_without_spread_both_ends_are_the_value(value: float, variance: float) -> None:
    assert find_logit_ends(value, variance, 2.0) == (value, value)
