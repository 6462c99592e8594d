"""Proportions against published intervals, slow formulas and simulation.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, t
from statsmodels.stats.proportion import proportion_confint

from cxrlens.evaluation.proportions import find_wilson_ends, measure_proportion


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_newcombe_1998_table_1(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe, Stat Med 1998;17:857-872, table I, method 3."""
    assert find_wilson_ends(hits / n, float(n)) == pytest.approx((low, high), abs=6e-5)


@given(n=st.integers(1, 500), data=st.data())
def test_one_image_a_patient_is_plain_wilson(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    figure = measure_proportion(np.arange(n) < k, np.arange(n))
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert (figure.low, figure.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    other = proportion_confint(k, n, method="wilson")
    assert (figure.low, figure.high) == pytest.approx(other, abs=1e-9)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert figure.high > figure.low


def test_design_effect_by_loops() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(40), rng.integers(1, 6, 40))
    hits = (rng.normal(size=40)[clusters] + 0.5 * rng.normal(size=clusters.size)) > -0.5
    share, spread = hits.mean(), 0.0
    for patient in range(40):
        own = hits[clusters == patient]
        spread += (own.sum() - share * len(own)) ** 2
    n = clusters.size / (spread / (share * (1 - share) * clusters.size))
    expected = find_wilson_ends(float(share), float(n), float(t.ppf(0.975, 39)))
    figure = measure_proportion(hits, clusters)
    assert (figure.low, figure.high) == pytest.approx(expected)
    assert figure.n_patients == 40
    assert not figure.is_lean


def test_copies_of_images_tell_nothing_new() -> None:
    hits = np.random.default_rng(0).random(80) < 0.7
    once = measure_proportion(hits, np.arange(80))
    thrice = measure_proportion(np.repeat(hits, 3), np.repeat(np.arange(80), 3))
    assert thrice.low == pytest.approx(once.low, abs=0.005)
    assert thrice.low <= once.low
    assert thrice.high >= once.high


@pytest.mark.parametrize("is_hit", [True, False])
def test_all_or_nothing_leaves_room_for_patients(is_hit: bool) -> None:
    clusters = np.repeat(np.arange(20), 5)
    figure = measure_proportion(np.full(100, is_hit), clusters)
    quantile = float(t.ppf(0.975, 19))
    room = quantile**2 / (20 + quantile**2)
    assert figure.high - figure.low == pytest.approx(room)
    assert figure.value == (figure.high if is_hit else figure.low)
    assert figure.is_lean


def test_opposite_images_do_not_narrow_the_interval() -> None:
    clusters = np.repeat(np.arange(30), 2)
    figure = measure_proportion(np.tile([True, False], 30), clusters)
    assert (figure.low, figure.high) == find_wilson_ends(0.5, 60.0, float(t.ppf(0.975, 29)))


def test_no_images() -> None:
    figure = measure_proportion(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64))
    assert (figure.value, figure.low, figure.high, figure.n_patients) == (0, 0, 1, 0)


def test_one_patient_has_ends_that_are_not_shown() -> None:
    figure = measure_proportion(np.array([True, False, True]), np.zeros(3, dtype=np.int64))
    assert 0 <= figure.low < figure.value < figure.high <= 1
    assert figure.to_estimate().low is None


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_order_of_images_and_numbers_of_patients_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters, hits = rng.integers(0, 15, 50), rng.random(50) < 0.6
    order, names = rng.permutation(50), rng.permutation(15) * 7
    a, b = (
        measure_proportion(hits, clusters),
        measure_proportion(hits[order], names[clusters[order]]),
    )
    assert (a.low, a.high) == pytest.approx((b.low, b.high))


def _cover(studies: int, share: float, correlation: float) -> float:
    rng = np.random.default_rng(11)
    threshold, covered = norm.ppf(share), 0
    for _ in range(studies):
        clusters = np.repeat(np.arange(120), rng.integers(1, 5, 120))
        common, own = rng.normal(size=120)[clusters], rng.normal(size=clusters.size)
        hits = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own < threshold
        figure = measure_proportion(hits, clusters)
        covered += figure.low <= share <= figure.high
    return covered / studies


@pytest.mark.parametrize(("share", "correlation"), [(0.85, 0.6), (0.97, 0.6)])
def test_coverage(share: float, correlation: float) -> None:
    assert 0.92 <= _cover(400, share, correlation) <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_coverage_of_2000_studies(share: float, correlation: float) -> None:
    assert 0.935 <= _cover(2000, share, correlation) <= 0.98
