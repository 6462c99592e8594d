"""Certificates keep their promise in simulated calibrations; the usual rule does not.

SPDX-License-Identifier: Apache-2.0
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binom, binomtest

FILE = Path(__file__).parents[2] / "benchmarks" / "certificate_years.py"

RUNS = 1500


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script, as a module."""
    spec = spec_from_file_location("certificate_years", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["certificate_years"] = module
    spec.loader.exec_module(module)
    return module


def test_true_rates_are_those_of_many_patients(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(0)
    is_present = rng.random(400_000) < benchmark.PREVALENCE
    scores = benchmark._tell(rng.normal(benchmark.DISTANCE * is_present))
    assert scores.mean() == pytest.approx(is_present.mean(), abs=0.002)  # it is the probability
    for threshold in (0.02, 0.1, 0.5):
        seen = (scores[is_present] < threshold).mean()
        assert benchmark.find_miss_rate(threshold) == pytest.approx(seen, abs=0.01)
        decided = (scores < threshold).mean()
        assert benchmark.find_automation(threshold) == pytest.approx(decided, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 2, 4, 5, 8])
def test_promises_are_kept(benchmark: ModuleType, number: int) -> None:
    setting = benchmark.SETTINGS[number]
    years = benchmark.simulate(setting, RUNS, seed=20261129 + number)
    sys.stdout.write(f"{benchmark.describe(setting, years)}\n")  # `pytest -s` shows it
    assert years.test(setting.delta) > 0.01
    usual = years.n_broken_usually / RUNS
    assert usual > 0.3
    if len(setting.looks) > 1:
        assert years.n_broken > 0  # every look has its part of delta, and some is used
        return
    # what may happen is known: the j-th smallest of n scores is above its quantile or not, and
    # the grid can only make it safer
    n, misses = setting.looks[0], np.arange(setting.looks[0])
    allowed = int(np.flatnonzero(binom.cdf(misses, n, setting.risk) <= setting.delta)[-1])
    most = binom.cdf(allowed, n, setting.risk)
    assert binomtest(years.n_broken, RUNS, most, "greater").pvalue > 0.01
    assert years.n_broken / RUNS > most / 2  # and the grid is fine enough to waste little
    # the usual rule's threshold lies between the last score that may be missed and the next
    last = np.floor(setting.risk * n + 1e-9)
    assert binom.cdf(last - 1, n, setting.risk) - 0.05 < usual
    assert usual < binom.cdf(last, n, setting.risk) + 0.05


@pytest.mark.slow
def test_several_images_a_patient(benchmark: ModuleType) -> None:
    """The promise is about patients: one image of theirs decided negative is a miss.

    Images of a patient are alike, so that their lowest score has no simple distribution; the true
    miss rate is that of 200,000 patients drawn on their own.
    """

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        sizes = rng.integers(1, 5, n)
        patients = np.repeat(np.arange(n), sizes)
        latent = 0.8 * rng.normal(size=n)[patients] + 0.6 * rng.normal(size=patients.size)
        return benchmark._tell(latent + benchmark.DISTANCE), patients

    scores, patients = draw(np.random.default_rng(99), 200_000)
    worst = np.full(200_000, np.inf)
    np.minimum.at(worst, patients, scores)
    worst.sort()
    broken, broken_by_image = 0, 0
    promise = benchmark.Setting((300,), 0.05, 0.05).promise
    for run in range(RUNS):
        scores, patients = draw(np.random.default_rng([5, run]), 300)
        names = tuple(benchmark.digest(str(i).encode()) for i in range(scores.size))
        present = np.full(scores.size, True)
        cases = benchmark.ReferenceCases(scores, present, patients, names, "simulated")
        threshold = benchmark.certify(cases, promise, benchmark.BUNDLE).threshold
        broken += np.searchsorted(worst, threshold) / worst.size > 0.05
        by_image = benchmark.Setting((scores.size,), 0.05, 0.05).promise
        naive = benchmark.ReferenceCases(
            scores, present, np.arange(scores.size), names, "simulated"
        )
        threshold = benchmark.certify(naive, by_image, benchmark.BUNDLE).threshold
        broken_by_image += np.searchsorted(worst, threshold) / worst.size > 0.05
    assert binomtest(broken, RUNS, 0.05, "greater").pvalue > 0.01
    assert broken_by_image / RUNS > 0.5
