"""Numbers of cases against statsmodels, Connor's formula, and the power of simulated studies."""

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower

from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.auroc_gap import measure_auroc_gap
from cxrlens.evaluation.cases_needed import find_cases_needed
from cxrlens.evaluation.discordance import measure_discordance


@pytest.mark.parametrize("difference", [0.01, 0.05, 0.2])
def test_statsmodels_of_one_sample(difference: float) -> None:
    variance, n_patients = 0.0011, 140
    told = find_cases_needed(variance, n_patients, 3 * n_patients, difference)
    effect = difference / np.sqrt(variance * n_patients)
    expected = NormalIndPower().solve_power(effect, alpha=0.05, power=0.8, ratio=0)
    assert told.patients == pytest.approx(expected, abs=1)
    assert told.images == pytest.approx(3 * expected, abs=1)


@pytest.mark.parametrize(("discordant", "difference"), [(0.1, 0.02), (0.3, 0.05)])
def test_connors_paired_proportions(discordant: float, difference: float) -> None:
    """Connor 1987, with the same variance under both hypotheses where the difference is small."""
    a, b = norm.ppf(0.975), norm.ppf(0.8)
    under = np.sqrt(discordant), np.sqrt(discordant - difference**2)
    connor = (a * under[0] + b * under[1]) ** 2 / difference**2
    told = find_cases_needed((discordant - difference**2) / 500, 500, 500, difference)
    assert told.patients == pytest.approx(connor, rel=0.01)


def _draw_rankings(rng: np.random.Generator, n_patients: int) -> tuple[Ranking, Ranking]:
    """Two models with a true AUROC of 0.86 and 0.80 on one to four images a patient."""
    clusters = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
    positive = rng.random(n_patients)[clusters] < 0.4
    common = rng.normal(size=n_patients)[clusters] + rng.normal(size=clusters.size)
    zeros = np.zeros(clusters.size, dtype=np.int64)
    first, second = (
        Ranking(
            (common + rng.normal(size=clusters.size)) / np.sqrt(3)
            + np.sqrt(2) * norm.ppf(auroc) * positive,
            positive, clusters, zeros,
        )
        for auroc in (0.86, 0.80)
    )  # fmt: skip
    return first, second


@pytest.mark.slow
def test_the_cases_it_names_have_the_power_for_an_auroc() -> None:
    rng = np.random.default_rng(0)
    pilot = measure_auroc_gap(*_draw_rankings(rng, 4000))
    assert pilot is not None
    needed = find_cases_needed(pilot.spread.variance, 4000, 10_000, 0.06)
    assert 50 < needed.patients < 400
    found = 0
    for _ in range(500):
        gap = measure_auroc_gap(*_draw_rankings(rng, needed.patients))
        assert gap is not None
        found += (gap.to_difference().p_value or 1) < 0.05
    # t in place of normal quantiles and the binomial error of 500 studies (2 %)
    assert found / 500 == pytest.approx(0.8, abs=0.06)


@pytest.mark.slow
def test_the_cases_it_names_have_the_power_for_decisions() -> None:
    rng = np.random.default_rng(1)

    def draw(n_patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        clusters = np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients))
        hard = rng.normal(size=n_patients)[clusters]
        first, second = (
            (hard + rng.normal(size=clusters.size)) / np.sqrt(2) < norm.ppf(share)
            for share in (0.85, 0.80)
        )
        return first, second, clusters

    first, second, clusters = draw(20_000)
    moved = np.bincount(clusters, first.astype(float) - second)
    sizes = np.bincount(clusters)
    residuals = moved - moved.sum() / sizes.sum() * sizes
    variance = float((residuals**2).sum() / sizes.sum() ** 2)
    needed = find_cases_needed(variance, 20_000, int(sizes.sum()), 0.05)
    found = sum(measure_discordance(*draw(needed.patients)).p_value < 0.05 for _ in range(500))
    assert found / 500 == pytest.approx(0.8, abs=0.06)
