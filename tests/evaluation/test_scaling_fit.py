"""A fitted scaling against slow searches and scikit-learn."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from cxrlens.evaluation.scaling_fit import LARGEST_SCALE, RIDGE, fit_scaling


def draw_exclusive(seed: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are three times too large, and one-hot labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 2
    chances = softmax(logits + np.linspace(-0.5, 0.5, k), axis=1)
    truth = np.array([rng.choice(k, p=row) for row in chances])
    return 3 * logits, np.eye(k, dtype=np.float32)[truth]


@pytest.mark.parametrize("k", [2, 3])
def test_the_temperature_is_the_best_of_a_fine_grid(k: int) -> None:
    logits, labels = draw_exclusive(0, 300, k)
    scale = fit_scaling(logits, labels, "temperature", is_multilabel=False).scales[0]
    grid = np.linspace(0.05, 1.5, 2901)
    losses = [
        -(labels * log_softmax(one * logits, axis=1)).sum() + RIDGE / 2 * (one - 1) ** 2
        for one in grid
    ]
    assert scale == pytest.approx(grid[int(np.argmin(losses))], abs=0.0005)


def test_the_temperature_is_that_of_scikit_learn() -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    logits, labels = draw_exclusive(1, 4000, 3)
    fitted = calibration._TemperatureScaling().fit(logits, labels.argmax(axis=1))
    mine = fit_scaling(logits, labels, "temperature", is_multilabel=False)
    assert mine.scales[0] == pytest.approx(float(fitted.beta_), rel=1e-3)
    assert mine.apply(logits) == pytest.approx(fitted.predict(logits), abs=1e-3)


def test_vector_scaling_of_two_classes_is_logistic_regression_on_the_margin() -> None:
    logits, labels = draw_exclusive(2, 2000, 2)
    margin = logits[:, 1] - logits[:, 0]
    other = LogisticRegression(C=np.inf, tol=1e-8).fit(margin[:, None], labels[:, 1])
    mine = fit_scaling(logits, labels, "vector", is_multilabel=False)
    assert mine.scales[0] == mine.scales[1]
    assert mine.scales[0] == pytest.approx(float(other.coef_[0, 0]), rel=2e-3)
    offset = mine.offsets[1] - mine.offsets[0]
    assert offset == pytest.approx(float(other.intercept_[0]), abs=2e-3)
    order = np.argsort(margin)
    assert (np.diff(mine.apply(logits)[order, 1]) >= 0).all()


def test_vector_scaling_of_several_labels_is_one_logistic_regression_each() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(1500, 3)) * 4
    labels = (rng.random((1500, 3)) < expit(logits / 4 - [0, 1, 2])).astype(np.float32)
    labels[rng.random(labels.shape) < 0.2] = np.nan
    mine = fit_scaling(logits, labels, "vector", is_multilabel=True)
    for index in range(3):
        known = np.isfinite(labels[:, index])
        other = LogisticRegression(C=np.inf, tol=1e-8).fit(
            logits[known, index : index + 1], labels[known, index]
        )
        assert mine.scales[index] == pytest.approx(float(other.coef_[0, 0]), rel=5e-3)
        assert mine.offsets[index] == pytest.approx(float(other.intercept_[0]), abs=5e-3)


def test_vector_scaling_of_three_classes_leaves_no_slope() -> None:
    logits, labels = draw_exclusive(4, 500, 3)
    mine = fit_scaling(logits, labels, "vector", is_multilabel=False)
    numbers = np.array([*mine.scales, *mine.offsets])

    def lose(both: np.ndarray) -> float:
        away = both - np.repeat([1.0, 0.0], 3)
        logs = log_softmax(logits * both[:3] + both[3:], axis=1)
        return float(-(labels * logs).sum() + RIDGE / 2 * away @ away)

    for step in 1e-4 * np.eye(6):
        assert abs(lose(numbers + step) - lose(numbers - step)) / 2e-4 < 0.01


def test_one_temperature_for_several_labels_leaves_out_what_is_not_known() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(400, 2)) * 6
    labels = (rng.random((400, 2)) < expit(logits / 3)).astype(np.float32)
    labels[::3, 0] = np.nan
    mine = fit_scaling(logits, labels, "temperature", is_multilabel=True)
    known = np.isfinite(labels)
    grid = np.linspace(0.05, 1.0, 1901)
    losses = [
        np.logaddexp(0, np.where(labels[known] == 1, -1, 1) * one * logits[known]).sum()
        + RIDGE / 2 * (one - 1) ** 2
        for one in grid
    ]
    assert mine.scales[0] == mine.scales[1]
    assert mine.scales[0] == pytest.approx(grid[int(np.argmin(losses))], abs=0.0005)


@pytest.mark.parametrize("method", ["temperature", "vector"])
def test_classes_told_apart_without_a_mistake_do_not_run_off(method: str) -> None:
    truth = np.arange(40) % 2
    logits = np.stack([-(2.0 * truth - 1), 2.0 * truth - 1], axis=1)
    labels = np.eye(2, dtype=np.float32)[truth]
    mine = fit_scaling(logits, labels, method, is_multilabel=False)
    assert 1 < mine.scales[0] < LARGEST_SCALE / 10
    largest = mine.apply(logits).max()
    assert 0.99 < largest < 1 - 1e-5


def test_a_model_that_is_wrong_throughout_is_not_turned_round() -> None:
    logits, labels = draw_exclusive(6, 200, 2)
    mine = fit_scaling(-logits, labels, "vector", is_multilabel=False)
    assert 0 < mine.scales[0] < 0.02


def test_a_class_without_both_labels_keeps_its_scale() -> None:
    rng = np.random.default_rng(7)
    logits = rng.normal(size=(200, 2))
    labels = (rng.random((200, 2)) < 0.5).astype(np.float32)
    labels[:, 1] = 1
    mine = fit_scaling(logits, labels, "vector", is_multilabel=True)
    assert (mine.scales[1], mine.offsets[1]) == (1.0, 0.0)
