"""Figures of the validation part are those of scikit-learn.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    f1_score,
    log_loss,
    roc_auc_score,
)

from cxrlens.training.validation import Judgement, judge_logits

NAMES = ("covid", "normal", "pneumonia", "pneumothorax")


def judge(logits: np.ndarray, targets: np.ndarray) -> Judgement:
    names = NAMES[: logits.shape[1]]
    return judge_logits(torch.from_numpy(logits).float(), torch.from_numpy(targets), names)


def draw_single(k: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(k)
    targets = np.arange(80) % k
    return random.normal(size=(80, k)) + np.eye(k)[targets], targets


def draw_several() -> tuple[np.ndarray, np.ndarray]:
    """The last class has no negative."""
    random = np.random.default_rng(5)
    targets = random.integers(0, 2, (60, 4)).astype(np.float32)
    targets[random.random((60, 4)) < 0.2] = np.nan
    targets[:, 3] = np.where(np.isnan(targets[:, 3]), np.nan, 1.0)
    return random.normal(size=(60, 4)).astype(np.float32), targets


@pytest.mark.parametrize("k", [2, 4])
def test_one_class_an_image(k: int) -> None:
    logits, targets = draw_single(k)
    probabilities = torch.from_numpy(logits).softmax(1).numpy()
    if k == 2:
        auroc = roc_auc_score(targets, probabilities[:, 1])
    else:
        auroc = roc_auc_score(targets, probabilities, multi_class="ovr")
    judged = judge(logits, targets)
    decided = logits.argmax(1)
    assert judged.auroc == pytest.approx(auroc)
    assert judged.loss == pytest.approx(log_loss(targets, probabilities), rel=1e-5)
    assert judged.accuracy == pytest.approx(accuracy_score(targets, decided))
    assert judged.f1 == pytest.approx(f1_score(targets, decided, average="macro"))


def check_report(judged: Judgement, report: dict[str, dict[str, float]]) -> None:
    """Every class, and the means over them, as scikit-learn has them."""
    for one in judged.classes:
        found = {"precision": one.precision, "recall": one.recall, "f1-score": one.f1}
        assert {**found, "support": one.support} == pytest.approx(report[one.class_name])
    macro = {key: report["macro avg"][key] for key in ("precision", "recall", "f1-score")}
    means = {"precision": judged.precision, "recall": judged.recall, "f1-score": judged.f1}
    assert means == pytest.approx(macro)


@pytest.mark.parametrize("k", [2, 4])
def test_every_class_of_one_an_image_is_that_of_the_report(k: int) -> None:
    logits, targets = draw_single(k)
    judged = judge(logits, targets)
    report = classification_report(
        targets, logits.argmax(1), target_names=NAMES[:k], output_dict=True
    )
    assert [one.class_name for one in judged.classes] == list(NAMES[:k])
    check_report(judged, report)
    probabilities = torch.from_numpy(logits).softmax(1).numpy()
    for index, one in enumerate(judged.classes):
        assert one.auroc == pytest.approx(roc_auc_score(targets == index, probabilities[:, index]))


def test_every_class_of_several_an_image_is_that_of_the_report() -> None:
    """Where all labels are known the report takes them all at once."""
    random = np.random.default_rng(6)
    targets = random.integers(0, 2, (60, 4)).astype(np.float32)
    logits = random.normal(size=(60, 4)).astype(np.float32)
    judged = judge(logits, targets)
    decided = (logits > 0).astype(int)
    report = classification_report(
        targets.astype(int), decided, target_names=NAMES, output_dict=True, zero_division=0
    )
    check_report(judged, report)
    for k, one in enumerate(judged.classes):
        assert one.auroc == pytest.approx(roc_auc_score(targets[:, k], logits[:, k]))


def test_a_class_without_a_case_has_no_auroc() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3))
    judged = judge(logits, np.zeros(20, dtype=np.int64))
    assert judged.auroc is None
    assert judged.recall == pytest.approx((logits.argmax(1) == 0).mean() / 3)
    assert [one.support for one in judged.classes] == [20, 0, 0]


def test_several_classes_an_image() -> None:
    logits, targets = draw_several()
    known = ~np.isnan(targets)
    expected = [roc_auc_score(targets[known[:, k], k], logits[known[:, k], k]) for k in range(3)]
    judged = judge(logits, targets)
    assert judged.auroc == pytest.approx(np.mean(expected))
    assert judged.accuracy == pytest.approx(((logits > 0) == (targets == 1))[known].mean())
    f1 = [f1_score(targets[known[:, k], k] == 1, logits[known[:, k], k] > 0) for k in range(4)]
    assert judged.f1 == pytest.approx(np.mean(f1))
    assert [one.f1 for one in judged.classes] == pytest.approx(f1)
    assert [one.support for one in judged.classes] == (targets == 1).sum(axis=0).tolist()
    assert judged.classes[3].auroc is None


def test_a_class_of_which_nothing_is_known_is_left_out() -> None:
    logits, targets = draw_several()
    targets[:, 1] = np.nan
    judged = judge(logits, targets)
    assert [one.class_name for one in judged.classes] == ["covid", "pneumonia", "pneumothorax"]
    assert judged.recall == pytest.approx(np.mean([one.recall for one in judged.classes]))


def test_no_class_with_both_has_no_auroc() -> None:
    assert judge(np.zeros((5, 2)), np.ones((5, 2), dtype=np.float32)).auroc is None
