"""Raw and calibrated probabilities, judged on the same cases."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from cxrlens.evaluation import cross_fit, judge_calibration
from cxrlens.evaluation.calibration_report import draw_reliability
from cxrlens.vocabulary import PredictionTable


def overstate(table: PredictionTable, times: float = 4.0) -> PredictionTable:
    """The same table from a network whose logits are too large."""
    logits = times * table.logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return replace(table, logits=logits, probabilities=powers / powers.sum(axis=1, keepdims=True))


def test_the_figures_are_those_of_the_cross_fitted_probabilities(draw_table) -> None:
    table = overstate(draw_table(0, 200, 2))
    (one,) = judge_calibration(table, resamples=100).per_class
    fitted = cross_fit(table).probabilities
    truth = table.truth == 1
    before = brier_score_loss(truth, table.probabilities[:, 1])
    after = brier_score_loss(truth, fitted[:, 1])
    assert one.raw.brier.value == pytest.approx(before)
    assert one.calibrated.brier.value == pytest.approx(after)
    assert one.brier_change.estimate.value == pytest.approx(after - before)
    assert one.brier_change.estimate.high < 0
    assert one.calibrated.calibration_error.value < one.raw.calibration_error.value


def test_the_curve_holds_every_image_once(draw_table) -> None:
    table = draw_table(1, 150, 2)
    truth = table.truth == 1
    curve = draw_reliability(table.probabilities[:, 1], truth, table.clusters)
    assert sum(one.n_images for one in curve) == len(truth)
    assert sum(one.n_images * one.observed.value for one in curve) == pytest.approx(truth.sum())
    total = sum(one.n_images * one.probability for one in curve)
    assert total == pytest.approx(table.probabilities[:, 1].sum())
    assert [one.probability for one in curve] == sorted(one.probability for one in curve)


def test_a_calibration_of_the_bundle_is_judged_as_it_is(draw_table) -> None:
    table = draw_table(2, 100, 3)
    own = np.full(table.probabilities.shape, 1 / 3)
    report = judge_calibration(replace(table, calibrated=own), resamples=100)
    assert "own calibration" in report.method
    for index, one in enumerate(report.per_class):
        share = (table.truth == index).mean()
        expected = share * (2 / 3) ** 2 + (1 - share) / 9
        assert one.calibrated.brier.value == pytest.approx(expected)


def test_too_few_cases_have_raw_figures_only(draw_table) -> None:
    table = draw_table(3, 8, 2)
    report = judge_calibration(table, resamples=100)
    assert report.method.startswith("not calibrated: each class needs 10 patients")
    assert all(one.calibrated is None and one.brier_change is None for one in report.per_class)


def test_a_class_without_both_labels_has_no_figures(make_table) -> None:
    rng = np.random.default_rng(4)
    labels = (rng.random((90, 3)) < 0.5).astype(np.float32)
    labels[:, 1] = 0
    labels[::4, 2] = np.nan
    plain = make_table(np.full(90, -1), rng.random((90, 3)))
    report = judge_calibration(replace(plain, labels=labels), resamples=100)
    assert [one.class_name for one in report.per_class] == ["class 0", "class 2"]
    assert report.per_class[1].raw.brier.n == int(np.isfinite(labels[:, 2]).sum())
