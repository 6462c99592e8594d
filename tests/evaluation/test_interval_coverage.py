"""`benchmarks/interval_coverage.py`, scaled down: by patient the intervals cover, naively not.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import norm

FILE = Path(__file__).parents[2] / "benchmarks" / "interval_coverage.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script, as a module."""
    spec = spec_from_file_location("interval_coverage", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["interval_coverage"] = module
    spec.loader.exec_module(module)
    return module


def test_analytic_truths_are_those_of_many_images(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = benchmark.Setting("", 300_000, 60_000, 0.85)
    monkeypatch.setattr(benchmark, "N_DRAWN", 300_000)
    truths = benchmark.find_truths(setting, 0)
    seen = dict(benchmark.measure(benchmark.draw(setting, np.random.default_rng(3))))
    for name, figure in seen.items():
        assert figure.value == pytest.approx(truths[name], abs=0.006), name
    assert truths["AUROC"] == pytest.approx(norm.cdf(setting.distance / np.sqrt(2)))


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 2])
def test_coverage_of_400_studies(benchmark: ModuleType, number: int) -> None:
    options = argparse.Namespace(studies=400, resampled=0, resamples=40, seed=1)
    held = benchmark.simulate(benchmark.SETTINGS[number], options)
    for name in benchmark.REQUIRED:
        assert 0.915 <= held[name].by_patient <= 0.98, name
        assert np.mean(held[name].naive) < held[name].by_patient, name
    assert np.mean([np.mean(held[name].naive) for name in benchmark.REQUIRED]) < 0.92
