"""Agreement of maps against scipy.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from cxrlens.evaluation import correlate_maps, measure_correlation
from cxrlens.vocabulary import Geometry, Heatmap, InputError


def _map(grid: np.ndarray) -> Heatmap:
    whole = Geometry((40, 40), (32, 32), 0.0, 0.0, 40.0, 40.0)
    return Heatmap(grid.astype(np.float32), whole, "a", "cam")


@given(st.integers(0, 2**31), st.integers(2, 14), st.integers(2, 14))
def test_coarse_maps_are_compared_as_scipy_does(seed: int, rows: int, cols: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 5, (2, rows, cols))
    (found,) = correlate_maps([_map(first)], [_map(second)])
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert found == 0
    else:
        assert found == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)


def test_fine_maps_are_averaged_first() -> None:
    """28 x 28 cells: each 2 x 2 become one, so noise within them plays no part."""
    rng = np.random.default_rng(0)
    coarse = rng.permutation(196).reshape(14, 14).astype(float)
    noise = rng.normal(0, 50, (2, 28, 28))
    noise -= noise.reshape(2, 14, 2, 14, 2).mean(axis=(2, 4)).repeat(2, 1).repeat(2, 2)
    first, second = (_map(coarse.repeat(2, 0).repeat(2, 1) + one) for one in noise)
    assert correlate_maps([first], [second])[0] == pytest.approx(1, abs=1e-3)


def test_what_says_nothing_agrees_with_nothing() -> None:
    some = _map(np.arange(9.0).reshape(3, 3))
    blank, broken = _map(np.zeros((3, 3))), _map(np.full((3, 3), np.nan))
    assert correlate_maps([some, some], [blank, broken]).tolist() == [0, 0]


def test_maps_of_two_kinds_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(3, 3\).*\(2, 2\)"):
        correlate_maps([_map(np.eye(3))], [_map(np.eye(2))])
    with pytest.raises(InputError, match="got 1 and 0"):
        correlate_maps([_map(np.eye(3))], [])


def test_the_mean_correlation_keeps_its_range() -> None:
    values = np.random.default_rng(0).uniform(-0.9, 0.9, 50)
    found = measure_correlation(values, np.arange(50))
    assert found.value == pytest.approx(values.mean())
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low < found.value < found.high <= 1
