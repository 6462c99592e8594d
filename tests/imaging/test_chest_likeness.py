"""The likeness follows turns and inversion exactly, and no monotone change at all.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from cxrlens.imaging.chest_likeness import CHEST, average, measure_likeness, rank
from cxrlens.imaging.framing import shrink
from cxrlens.phantom import draw_nth

CHESTS = [
    shrink(draw_nth(number, seed=0).pixels.astype(np.float32) / 255, 64) for number in range(6)
]
seeds = st.integers(0, 10**6)


@pytest.mark.parametrize("levels", [5, 4096])
def test_ranks_are_scipys(levels: int) -> None:
    field = np.random.default_rng(0).integers(0, levels, (64, 64)) / np.float32(levels)
    slow = (rankdata(field.ravel()) - 0.5) / 64**2 * 2 - 1
    np.testing.assert_allclose(rank(field.astype(np.float32)).ravel(), slow, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_scores_are_the_sum_over_the_whole_chest(seed: int) -> None:
    field = np.random.default_rng(seed).random((64, 64), dtype=np.float32)
    whole = np.concatenate([CHEST, CHEST[:, ::-1]], axis=1)
    slow = [(np.rot90(average(rank(field), 8), turns) * whole).sum() for turns in range(4)]
    scores = measure_likeness(field).scores
    np.testing.assert_allclose(scores, [slow, np.negative(slow)], atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, turns=st.integers(0, 3))
def test_turning_shifts_and_inverting_exchanges_the_scores(seed: int, turns: int) -> None:
    field = np.random.default_rng(seed).random((64, 64), dtype=np.float32)
    scores = measure_likeness(field).scores
    turned = measure_likeness(np.ascontiguousarray(np.rot90(field, -turns)))
    np.testing.assert_allclose(turned.scores, np.roll(scores, turns, axis=1), atol=1e-4)
    inverted = measure_likeness(1 - field)
    np.testing.assert_allclose(inverted.scores, scores[::-1], atol=1e-3)
    assert inverted.inverted == pytest.approx(-measure_likeness(field).inverted, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(chest=st.sampled_from(CHESTS), gamma=st.floats(0.5, 2), gain=st.floats(0.2, 1))
def test_no_monotone_change_changes_anything(chest: np.ndarray, gamma: float, gain: float) -> None:
    other = measure_likeness(np.asarray(gain * chest**gamma, dtype=np.float32))
    np.testing.assert_allclose(other.scores, measure_likeness(chest).scores, atol=0.02)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("is_inverted", [False, True])
def test_the_best_way_gives_the_upright_chest_back(turns: int, is_inverted: bool) -> None:
    for chest in CHESTS:
        field = np.ascontiguousarray(np.rot90(1 - chest if is_inverted else chest, -turns))
        likeness = measure_likeness(field)
        assert likeness.turns == turns
        assert (likeness.inverted > 0) == is_inverted
        assert likeness.turned > 3
        np.testing.assert_allclose(likeness.upright, rank(chest), atol=0.01)


def test_log_odds_are_those_of_the_softmax() -> None:
    likeness = measure_likeness(CHESTS[0])
    chance = np.exp(likeness.scores) / np.exp(likeness.scores).sum()
    inverted, upright = chance[1].sum(), chance[:, 0].sum()
    assert likeness.inverted == pytest.approx(np.log(inverted / (1 - inverted)), rel=1e-3)
    assert likeness.turned == pytest.approx(np.log(upright / (1 - upright)), rel=1e-2)


def test_roughness_is_that_of_neighbours() -> None:
    rows, cols = np.mgrid[:64, :64]
    board = ((rows + cols) % 2).astype(np.float32)
    assert measure_likeness(board).roughness == pytest.approx(0.5)
    assert measure_likeness((rows / 63).astype(np.float32)).roughness < 0.02
