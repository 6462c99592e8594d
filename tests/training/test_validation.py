"""Figures of the validation part are those of scikit-learn.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from cxrlens.training.validation import compute_auroc, judge_logits


@pytest.mark.parametrize("k", [2, 4])
def test_one_class_an_image(k: int) -> None:
    random = np.random.default_rng(k)
    targets = np.arange(80) % k
    logits = random.normal(size=(80, k)) + np.eye(k)[targets]
    probabilities = torch.from_numpy(logits).softmax(1).numpy()
    if k == 2:
        auroc = roc_auc_score(targets, probabilities[:, 1])
    else:
        auroc = roc_auc_score(targets, probabilities, multi_class="ovr")
    assert compute_auroc(logits, targets) == pytest.approx(auroc)
    judged = judge_logits(torch.from_numpy(logits).float(), torch.from_numpy(targets))
    decided = logits.argmax(1)
    assert judged.auroc == pytest.approx(auroc)
    assert judged.loss == pytest.approx(log_loss(targets, probabilities), rel=1e-5)
    assert judged.accuracy == pytest.approx(accuracy_score(targets, decided))
    assert judged.f1 == pytest.approx(f1_score(targets, decided, average="macro"))


def test_a_class_without_a_case_has_no_auroc() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3))
    assert compute_auroc(logits, np.zeros(20, dtype=np.int64)) is None
    judged = judge_logits(torch.from_numpy(logits).float(), torch.zeros(20, dtype=torch.int64))
    assert judged.auroc is None
    assert judged.recall == pytest.approx((logits.argmax(1) == 0).mean() / 3)


def test_several_classes_an_image() -> None:
    random = np.random.default_rng(5)
    targets = random.integers(0, 2, (60, 4)).astype(np.float32)
    targets[random.random((60, 4)) < 0.2] = np.nan
    targets[:, 3] = np.where(np.isnan(targets[:, 3]), np.nan, 1.0)  # no negative
    logits = random.normal(size=(60, 4)).astype(np.float32)
    known = ~np.isnan(targets)
    expected = [roc_auc_score(targets[known[:, k], k], logits[known[:, k], k]) for k in range(3)]
    assert compute_auroc(logits, targets) == pytest.approx(np.mean(expected))
    judged = judge_logits(torch.from_numpy(logits), torch.from_numpy(targets))
    assert judged.auroc == pytest.approx(np.mean(expected))
    assert judged.accuracy == pytest.approx(((logits > 0) == (targets == 1))[known].mean())
    f1 = [f1_score(targets[known[:, k], k] == 1, logits[known[:, k], k] > 0) for k in range(4)]
    assert judged.f1 == pytest.approx(np.mean(f1))


def test_no_class_with_both_has_no_auroc() -> None:
    assert compute_auroc(np.zeros((5, 2)), np.ones((5, 2), dtype=np.float32)) is None
