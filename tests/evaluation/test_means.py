"""Means of shares against loops, scipy and simulation.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from scipy.stats import sem, t

from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.proportions import find_wilson_ends


def test_one_image_a_patient_is_the_t_interval() -> None:
    values = np.random.default_rng(0).beta(2, 5, 30)
    figure = measure_mean(values, np.arange(30))
    expected = find_logit_ends(
        float(values.mean()), float(sem(values)) ** 2, float(t.ppf(0.975, 29))
    )
    assert (figure.low, figure.high) == pytest.approx(expected)
    assert (figure.n, figure.n_patients, figure.is_lean) == (30, 30, False)


def test_variance_by_loops() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(12), rng.integers(1, 5, 12))
    values = rng.random(12)[clusters]
    mean, total = values.mean(), 0.0
    for patient in range(12):
        own = values[clusters == patient]
        total += (own.sum() - mean * len(own)) ** 2
    variance = 12 / 11 * total / values.size**2
    figure = measure_mean(values, clusters)
    expected = find_logit_ends(float(mean), float(variance), float(t.ppf(0.975, 11)))
    assert (figure.low, figure.high) == pytest.approx(expected)


def test_copies_of_images_change_nothing() -> None:
    values = np.random.default_rng(2).random(20)
    once = measure_mean(values, np.arange(20))
    twice = measure_mean(np.repeat(values, 2), np.repeat(np.arange(20), 2))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_all_maps_beside_the_point_leave_room() -> None:
    figure = measure_mean(np.zeros(60), np.repeat(np.arange(20), 3))
    assert (figure.low, figure.high) == pytest.approx(find_wilson_ends(0.0, 20.0))
    assert figure.is_lean
    assert "few" in figure.method


def test_one_map_on_the_point_leaves_room() -> None:
    values = np.zeros(20)
    values[3] = 0.9
    figure = measure_mean(values, np.arange(20))
    assert figure.low < 0.02
    assert figure.high > 0.15


def test_one_patient() -> None:
    figure = measure_mean(np.array([0.2, 0.4]), np.array([5, 5]))
    assert figure.low <= figure.value <= figure.high
    assert figure.to_estimate().high is None


def test_coverage() -> None:
    rng, covered, studies = np.random.default_rng(5), 0, 400
    for _ in range(studies):
        clusters = np.repeat(np.arange(60), rng.integers(1, 5, 60))
        values = (rng.beta(1, 3, 60)[clusters] + rng.beta(1, 3, clusters.size)) / 2
        figure = measure_mean(values, clusters)
        covered += figure.low <= 0.25 <= figure.high
    assert 0.92 <= covered / studies <= 0.98
