"""Means over classes against the jackknife over patients.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.evaluation.class_mean import ClassPart, estimate_class_mean
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.macro import combine_class_ends
from cxrlens.evaluation.means import measure_mean


def _part(values: np.ndarray, clusters: np.ndarray) -> ClassPart:
    errors = (values - values.mean()) / values.size
    return ClassPart(measure_mean(values, clusters), errors, clusters)


def test_it_is_the_jackknife_over_patients_of_both_classes() -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(150), rng.integers(1, 4, 150))
    lean = rng.random(150)[clusters]
    first, second = (0.6 * lean + 0.4 * rng.random(clusters.size) for _ in range(2))
    known = rng.random(clusters.size) < 0.7
    estimate = estimate_class_mean(
        [_part(first, clusters), _part(second[known], clusters[known])], ["rare"]
    )
    value = (first.mean() + second[known].mean()) / 2
    without = []
    for patient in range(150):
        keep = clusters != patient
        without.append((first[keep].mean() + second[keep & known].mean()) / 2)
    variance = 149 / 150 * np.sum((np.array(without) - np.mean(without)) ** 2)
    expected = find_logit_ends(value, float(variance), 1.977)
    assert estimate.value == pytest.approx(value)
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=2e-3)
    assert "rare" in estimate.method


def test_a_class_without_spread_widens_it_and_few_patients_forbid_it() -> None:
    rng, clusters = np.random.default_rng(1), np.arange(60)
    parts = [_part(rng.random(60), clusters), _part(np.zeros(60), clusters)]
    estimate = estimate_class_mean(parts, [])
    ends = combine_class_ends(estimate.value, [part.figure for part in parts], True)
    assert estimate.low <= ends[0] + 1e-12
    assert estimate.high == pytest.approx(ends[1])
    few = ClassPart(Figure(0.5, 0.1, 0.9, 20, 4, True, ""), np.zeros(60), clusters)
    assert estimate_class_mean([parts[0], few], []).low is None
