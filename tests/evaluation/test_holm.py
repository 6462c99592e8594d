"""Holm's adjustment against statsmodels.

SPDX-License-Identifier: Apache-2.0
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from cxrlens.evaluation.holm import adjust_p_values


@settings(max_examples=5)  # the library collects garbage at every call, which takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 12))
def test_statsmodels_with_a_gap_anywhere(p_values: list[float], gap: int) -> None:
    expected = multipletests(p_values, method="holm")[1].tolist()
    place = min(gap, len(p_values))
    told = adjust_p_values([*p_values[:place], None, *p_values[place:]])
    assert told[place] is None
    assert [one for one in told if one is not None] == pytest.approx(expected)


def test_nothing() -> None:
    assert adjust_p_values([]) == ()
    assert adjust_p_values([None]) == (None,)
