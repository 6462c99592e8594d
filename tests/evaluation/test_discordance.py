"""The exact test against statsmodels, published tables, full enumeration, and simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

from cxrlens.evaluation.discordance import FLIPS, MCNEMAR, measure_discordance


def _spread(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    ours = np.repeat([True, True, False, False], [both, first, second, neither])
    theirs = np.repeat([True, False, True, False], [both, first, second, neither])
    return ours, theirs


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        # Fagerland, Lydersen and Laake, BMC Med Res Methodol 2013;13:91, exact conditional test:
        ((1, 1, 7, 12), 0.0703),  # airway hyper-responsiveness
        ((59, 6, 16, 80), 0.0525),  # complete response
    ],
)
def test_published_tables(counts: tuple[int, int, int, int], published: float) -> None:
    told = measure_discordance(*_spread(*counts), np.arange(sum(counts)))
    assert (told.both, told.only_first, told.only_second, told.neither) == counts
    assert told.n_moved == counts[1] + counts[2]
    assert told.method == MCNEMAR
    assert round(told.p_value, 4) == published


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda counts: sum(counts) > 0))
def test_one_image_a_patient_is_mcnemars_exact_test(counts: tuple[int, int, int, int]) -> None:
    told = measure_discordance(*_spread(*counts), np.arange(sum(counts)))
    table = [[counts[0], counts[1]], [counts[2], counts[3]]]
    expected = mcnemar(table, exact=True).pvalue
    assert told.p_value == pytest.approx(min(expected, 1.0))


def _enumerate(first: np.ndarray, second: np.ndarray, clusters: np.ndarray) -> float:
    """Exchange the answers of every set of patients, and count how often they lie as far apart."""
    patients = sorted(set(clusters.tolist()))
    seen = abs(first.sum() - second.sum())
    far = 0
    for exchanged in product([False, True], repeat=len(patients)):
        turned = np.isin(clusters, [p for p, one in zip(patients, exchanged, strict=True) if one])
        ours, theirs = np.where(turned, second, first), np.where(turned, first, second)
        far += abs(ours.sum() - theirs.sum()) >= seen
    return float(far / 2 ** len(patients))


@pytest.mark.parametrize("seed", range(8))
def test_all_exchanges_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(9) * 3, rng.integers(1, 5, 9))
    first, second = rng.random(clusters.size) < 0.8, rng.random(clusters.size) < 0.5
    order = rng.permutation(clusters.size)
    told = measure_discordance(first[order], second[order], clusters[order])
    assert told.method == FLIPS
    assert told.p_value == pytest.approx(_enumerate(first, second, clusters))


def test_models_that_agree_or_differ_evenly_have_a_p_of_one() -> None:
    right = np.arange(30) < 20
    assert measure_discordance(right, right, np.arange(30)).p_value == 1
    told = measure_discordance(right, right[::-1], np.arange(30) // 2)
    assert (told.only_first, told.only_second, told.p_value) == (10, 10, 1)


def test_thousands_of_patients_take_no_enumeration() -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(20_000), 2)
    first, second = rng.random(40_000) < 0.9, rng.random(40_000) < 0.895
    told = measure_discordance(first, second, clusters)
    moved = np.bincount(clusters, first.astype(float) - second)
    flips = rng.choice([-1, 1], size=(1000, np.count_nonzero(moved))) @ moved[moved != 0]
    drawn = np.mean(np.abs(flips) >= abs(moved.sum()))
    assert told.p_value == pytest.approx(drawn, abs=4 * np.sqrt(drawn * (1 - drawn) / 1000))


@pytest.mark.slow
def test_error_of_the_first_kind_is_kept_where_images_of_a_patient_fail_together() -> None:
    """Two equally good models: 5 % of studies may tell them apart; McNemar on images says more."""
    ours, naive = [], []
    for study in range(800):
        rng = np.random.default_rng(study)
        clusters = np.repeat(np.arange(80), rng.integers(1, 5, 80))
        right = []
        for _ in range(2):
            own = np.sqrt(0.8) * rng.normal(size=80)[clusters]
            right.append(own + np.sqrt(0.2) * rng.normal(size=clusters.size) < 1)
        told = measure_discordance(right[0], right[1], clusters)
        ours.append(told.p_value)
        naive.append(binomtest(told.only_first, told.only_first + told.only_second).pvalue)
    # an exact test of whole numbers is a little under; the binomial error of 800 studies is 0.8 %
    assert 0.025 <= np.mean(np.array(ours) < 0.05) <= 0.065
    assert np.mean(np.array(naive) < 0.05) > 0.1
