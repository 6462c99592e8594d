"""The stability index against a slow second writing; its p-values against chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2

from cxrlens.evaluation.psi import count_bins, find_edges, find_psi_p_value, measure_psi


def write_slowly(reference: list[int], counts: list[int]) -> float:
    total = 0.0
    for ours, theirs in zip(counts, reference, strict=True):
        q = (ours + 0.5) / (sum(counts) + 0.5 * len(counts))
        p = (theirs + 0.5) / (sum(reference) + 0.5 * len(counts))
        total += (q - p) * math.log(q / p)
    return total


pairs = st.integers(2, 12).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 500), min_size=k, max_size=k)] * 2)
)


@given(pairs)
def test_the_second_writing(pair: tuple[list[int], list[int]]) -> None:
    told = measure_psi(np.array(pair[0]), np.array(pair[1]))
    assert told == pytest.approx(write_slowly(*pair), abs=1e-12)
    assert told >= 0
    assert told == pytest.approx(measure_psi(np.array(pair[1]), np.array(pair[0])))
    assert measure_psi(np.array(pair[0]), np.array(pair[0])) == 0


def test_bins_hold_a_tenth_each_and_every_value() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    edges = find_edges(values)
    assert count_bins(values, edges).tolist() == [100] * 10
    assert count_bins(np.array([-99.0, edges[0], 99.0]), edges).tolist() == [1, 1, *[0] * 7, 1]
    ties = np.repeat([0.0, 1.0], [95, 5])
    assert find_edges(ties).tolist() == [0.0]
    assert count_bins(ties, find_edges(ties)).tolist() == [0, 100]


def test_p_values_of_a_change_and_of_none() -> None:
    rng = np.random.default_rng(0)
    reference = np.full(10, 80)
    assert find_psi_p_value(reference, np.full(10, 10), 1e-3, rng) > 0.9
    moved = np.array([30, 30, 20, 10, 5, 5, 0, 0, 0, 0])
    assert find_psi_p_value(reference, moved, 1e-4, rng) == 1e-5  # the smallest it can tell


def test_p_values_near_those_of_large_samples() -> None:
    """The index of many is chi-squared, times 1/n + 1/m (Yurdakul, 2018)."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        reference, counts = rng.multinomial([20_000, 5_000], np.full(10, 0.1))
        expected = chi2.sf(measure_psi(reference, counts) / (1 / 20_000 + 1 / 5_000), 9)
        told = find_psi_p_value(reference, counts, 0.002, rng)
        assert told == pytest.approx(expected, rel=1.2, abs=0.01)


@pytest.mark.parametrize("has_ties", [False, True])
def test_by_chance_they_are_as_small_as_they_say(has_ties: bool) -> None:
    rng = np.random.default_rng(2)
    told = []
    for _ in range(600):
        values = rng.normal(size=(350))
        if has_ties:
            values = np.round(values)
        edges = find_edges(values[:50])
        counts = count_bins(values[50:300], edges), count_bins(values[300:], edges)
        told.append(find_psi_p_value(*counts, 0.05, rng))
    for level in (0.05, 0.2):
        n_below = int((np.array(told) <= level).sum())
        assert binomtest(n_below, 600, level, "greater").pvalue > 0.01
        assert n_below > 600 * level / 2
