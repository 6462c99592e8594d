"""The calibration error against torchmetrics, scikit-learn, repeated rows and simulation.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.calibration import calibration_curve

from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.calibration_error import (
    Answers,
    CalibrationError,
    assign_bins,
    choose_bin_count,
    measure_calibration_error,
    measure_mean_calibration_error,
)

SOME = Resampling(0, 200)


def _draw(seed: int, n_patients: int, sharpness: float = 1.0) -> Answers:
    """One to four images a patient; calibrated where the sharpness is 1."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
    logits = rng.normal(size=n_patients)[clusters] + rng.normal(size=clusters.size) - 0.5
    is_true = rng.random(clusters.size) < expit(logits)
    return Answers(expit(sharpness * logits), is_true, clusters)


def _measure(part: Answers, resampling: Resampling = SOME) -> CalibrationError:
    return measure_calibration_error(part.probabilities, part.is_true, part.clusters, resampling)


@pytest.mark.parametrize("n_patients", [10, 60, 300])
def test_bins_are_scikit_learns_quantile_bins(n_patients: int) -> None:
    part = _draw(n_patients, n_patients, 2.0)
    n_bins = choose_bin_count(part.clusters)
    shares, means = calibration_curve(
        part.is_true, part.probabilities, n_bins=n_bins, strategy="quantile"
    )
    sizes = np.bincount(assign_bins(part.probabilities, n_bins))
    assert max(sizes) - min(sizes) <= 1
    expected = np.average(np.abs(shares - means), weights=sizes)
    assert _measure(part).seen.value == pytest.approx(expected)


def test_of_ten_groups_of_equal_probabilities_it_is_torchmetrics() -> None:
    """Where bins of equal mass and of equal width are the same bins."""
    import torch
    from torchmetrics.functional.classification import binary_calibration_error

    rng = np.random.default_rng(0)
    probabilities = np.tile(np.arange(10) / 10 + 0.05, 40)
    is_true = rng.random(400) < probabilities**2
    expected = binary_calibration_error(
        torch.tensor(probabilities, dtype=torch.float64), torch.tensor(is_true).long(), n_bins=10
    )
    error = measure_calibration_error(probabilities, is_true, np.arange(400), SOME)
    assert error.seen.value == pytest.approx(float(expected), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 60))
def test_order_and_names_do_not_matter_and_ends_hold_the_value(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p, y, clusters = np.round(rng.random(n), 1), rng.random(n) < 0.4, rng.integers(0, 20, n)
    order = rng.permutation(n)
    one = measure_calibration_error(p, y, clusters, SOME)
    again = measure_calibration_error(p[order], y[order], clusters[order] * 3, SOME)
    for figure, other in ((one.seen, again.seen), (one.debiased, again.debiased)):
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
        assert (other.value, other.low, other.high) == pytest.approx(
            (figure.value, figure.low, figure.high), abs=1e-6
        )
    assert one.debiased.value <= one.seen.value


def test_quantiles_are_those_of_repeated_rows() -> None:
    """At a multiple of 1 the errors drawn are those of patients drawn again, bins kept."""
    part, resampling = _draw(5, 45, 2.0), Resampling(3, 60)
    n_bins = choose_bin_count(part.clusters)
    bins = assign_bins(part.probabilities, n_bins)
    residuals = part.is_true - part.probabilities
    errors = []
    for times in np.concatenate(list(resampling.draw(45))):
        rows = np.repeat(np.arange(bins.size), times[part.clusters].astype(int))
        sums = [residuals[rows][bins[rows] == one].sum() for one in range(n_bins)]
        errors.append(np.abs(sums).sum() / rows.size)
    from cxrlens.evaluation import calibration_error

    spectrum = calibration_error._resample(
        [calibration_error._tally(part)], np.arange(45), resampling
    )
    drawn = np.abs(spectrum.gaps + spectrum.noise).sum(axis=1)
    assert drawn == pytest.approx(np.array(errors))
    multiple = spectrum.find_multiple(0.5)
    middle = np.median(np.abs(multiple * spectrum.gaps + spectrum.noise).sum(axis=1))
    assert middle == pytest.approx(np.abs(spectrum.gaps).sum(), abs=1e-4)


def test_what_chance_adds_is_taken_off() -> None:
    parts = [_draw(seed, 120) for seed in range(60)]  # calibrated: the true error is 0
    errors = [_measure(part) for part in parts]
    seen = np.mean([error.seen.value for error in errors])
    debiased = np.mean([error.debiased.value for error in errors])
    assert seen > 0.03
    assert debiased < 0.6 * seen
    assert np.mean([error.seen.low == 0 for error in errors]) > 0.85


def test_an_overconfident_model_is_told() -> None:
    error = _measure(_draw(1, 300, 3.0))
    assert error.seen.low > 0.08
    assert error.seen.low < error.debiased.value < error.seen.high
    assert "10 bins" in error.seen.method


def test_images_of_one_patient_are_not_as_many_patients() -> None:
    part = _draw(2, 100, 2.0)
    four = [np.repeat(column, 4) for column in (part.probabilities, part.is_true, part.clusters)]
    honest = _measure(Answers(*four))
    naive = _measure(Answers(four[0], four[1], np.arange(four[0].size)))
    assert naive.seen.high - naive.seen.low < 0.75 * (honest.seen.high - honest.seen.low)


def test_the_mean_over_classes() -> None:
    parts = [_draw(3, 90, 2.0), _draw(4, 60, 1.0)]
    mean = measure_mean_calibration_error(parts, SOME)
    values = [_measure(part).seen.value for part in parts]
    assert mean.seen.value == pytest.approx(np.mean(values))
    assert mean.seen.n_patients == 60
    assert mean.seen.low < mean.seen.value < mean.seen.high
    assert measure_mean_calibration_error(parts[:1], SOME) == _measure(parts[0])


def test_a_perfect_model_leaves_room_and_four_patients_are_too_few() -> None:
    y = np.arange(60) < 20
    error = measure_calibration_error(y.astype(np.float64), y, np.arange(60), SOME)
    assert (error.seen.value, error.debiased.value, error.seen.low) == (0, 0, 0)
    assert 0.04 < error.seen.high < 0.1
    few = measure_calibration_error(np.linspace(0, 1, 60), y, np.arange(60) % 4, SOME)
    assert few.seen.to_estimate().low is None


def test_coverage() -> None:
    """The truth is that of very many patients."""
    for sharpness in (1.0, 2.0):
        many = _draw(0, 200_000, sharpness)
        bins = assign_bins(many.probabilities, 6)
        gaps = np.bincount(bins, weights=many.is_true - many.probabilities)
        truth, covered = np.abs(gaps).sum() / bins.size, 0
        for study in range(150):
            error = _measure(_draw(study + 1, 120, sharpness))
            covered += error.seen.low <= truth <= error.seen.high
        assert covered / 150 >= 0.88


def test_classes_of_few_patients_need_not_all_be_drawn() -> None:
    """Fourteen classes, each known of one patient of its own: hardly a resample holds all."""
    parts = [Answers(np.array([0.7]), np.array([True]), np.array([number])) for number in range(14)]
    error = measure_mean_calibration_error(parts, Resampling(0, 40))
    assert error.seen.value == pytest.approx(0.3)
    assert 0 <= error.seen.low <= 0.3 <= error.seen.high <= 1
