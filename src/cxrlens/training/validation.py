"""Logits of the validation part are judged, so that an epoch can be chosen.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from torch import Tensor

from cxrlens.training.loss import sum_loss, weigh_targets
from cxrlens.training.targets import Targets
from cxrlens.vocabulary import Logits


@dataclass(frozen=True)
class Judgement:
    """How well a network did on validation."""

    loss: float
    """Mean over images, or over known labels; without weights or smoothing."""

    auroc: float | None
    """Macro, one against all; None where no class has both."""

    accuracy: float
    """Share of images, or of known labels, that are decided rightly."""

    precision: float
    """Macro; 0 for a class that is never decided for."""

    recall: float
    """Macro; 0 for a class without an image."""

    f1: float
    """Macro."""


def judge_logits(logits: Tensor, targets: Tensor) -> Judgement:
    """Judge all logits of a part.

    Args:
        logits: n x k, finite.
        targets: n indices, or n x k of 1, 0 and NaN.

    Returns:
        The figures; with several labels an image each label is decided at a probability of 0.5.
    """
    truth = targets.numpy()
    figures = _judge_one(logits, truth) if truth.ndim == 1 else _judge_many(logits, truth)
    accuracy, precision, recall, f1 = figures
    return Judgement(
        loss=float(sum_loss(logits, targets, None) / weigh_targets(targets, None)),
        auroc=compute_auroc(logits.double().numpy(), truth),
        accuracy=accuracy,
        precision=precision,
        recall=recall,
        f1=f1,
    )


def compute_auroc(logits: Logits, targets: Targets) -> float | None:
    """Compute the macro one-against-all AUROC; for two classes that of the second.

    Args:
        logits: n x k.
        targets: n class indices; or n x k of 1, 0 and NaN, then the mean is over the classes that
            have both.

    Returns:
        None where a class has no case; with several labels an image, where no class has both.
    """
    k = logits.shape[1]
    if targets.ndim == 2:
        return _mean_auroc(logits, targets)
    if len(np.unique(targets)) < k:
        return None
    probabilities = torch.from_numpy(logits).softmax(1).numpy()
    if k == 2:
        return float(roc_auc_score(targets, probabilities[:, 1]))
    return float(roc_auc_score(np.eye(k)[targets], probabilities, average="macro"))


def _mean_auroc(logits: Logits, targets: np.ndarray) -> float | None:
    known = np.isfinite(targets)
    found = [
        roc_auc_score(targets[known[:, k], k], logits[known[:, k], k])
        for k in range(targets.shape[1])
        if len(np.unique(targets[known[:, k], k])) == 2
    ]
    return float(np.mean(found)) if found else None


def _judge_one(logits: Tensor, truth: np.ndarray) -> tuple[float, ...]:
    decided = logits.argmax(1).numpy()
    labels = range(logits.shape[1])
    scores = precision_recall_fscore_support(
        truth, decided, labels=labels, average="macro", zero_division=0
    )
    return (float((decided == truth).mean()), *map(float, scores[:3]))


def _judge_many(logits: Tensor, truth: np.ndarray) -> tuple[float, ...]:
    known = np.isfinite(truth)
    decided = (logits > 0).numpy()
    scores = [
        precision_recall_fscore_support(
            truth[known[:, k], k] == 1, decided[known[:, k], k], average="binary", zero_division=0
        )[:3]
        for k in range(truth.shape[1])
        if known[:, k].any()
    ]
    right = decided[known] == (truth[known] == 1)
    return (float(right.mean()), *(float(value) for value in np.mean(scores, axis=0)))
