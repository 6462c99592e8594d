"""Means over repeated cross-validations."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrlens.evaluation import compare_repetitions, judge_learnt_control


def test_means_are_those_of_scikit_learn_and_the_interval_holds_them() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(2, size=80)
    one_fold = np.zeros(80, dtype=np.int64)

    def draw(shift: float) -> list[tuple[np.ndarray, np.ndarray]]:
        scores = [generator.normal(size=80) + shift * truth for _ in range(3)]
        return [(np.stack([-own, own], axis=1), one_fold) for own in scores]

    first, second = draw(1.5), draw(0.5)
    gap = compare_repetitions(first, second, np.eye(2)[truth], ("a", "b"), np.arange(80))
    means = [
        np.mean([roc_auc_score(truth, scores[:, 1]) for scores, _ in own])
        for own in (first, second)
    ]
    assert gap.first.value == pytest.approx(means[0])
    assert gap.second.value == pytest.approx(means[1])
    assert gap.difference.value == pytest.approx(means[0] - means[1])
    assert gap.difference.low is not None
    assert gap.difference.high is not None
    assert 0 < gap.difference.low < means[0] - means[1] < gap.difference.high


def test_a_learnt_control_of_two_classes_is_one_auroc() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(2, size=60)
    own = generator.normal(size=60) + truth
    scores = np.stack([-own, own], axis=1)
    zeros = np.zeros(60, dtype=np.int64)
    labels = np.eye(2)[truth]
    control = judge_learnt_control("x", scores, labels, ("a", "b"), np.arange(60), zeros)
    assert control.auroc.value == pytest.approx(roc_auc_score(truth, own))


def test_a_learnt_control_of_several_labels_looks_at_what_is_known() -> None:
    generator = np.random.default_rng(2)
    labels = generator.integers(2, size=(60, 2)).astype(float)
    labels[:10, 1] = np.nan
    scores = generator.normal(size=(60, 2)) + np.nan_to_num(labels)
    zeros = np.zeros(60, dtype=np.int64)
    control = judge_learnt_control("x", scores, labels, ("a", "b"), np.arange(60), zeros)
    areas = [
        roc_auc_score(labels[:, 0], scores[:, 0]),
        roc_auc_score(labels[10:, 1], scores[10:, 1]),
    ]
    assert control.auroc.value == pytest.approx(np.mean(areas))
