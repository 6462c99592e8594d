"""Logits of the validation part are judged, so that an epoch can be chosen.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from cxrlens.training.loss import sum_loss, weigh_targets
from cxrlens.vocabulary import ClassEpoch, Flags, Scores


@dataclass(frozen=True)
class Judgement:
    """How well a network did on validation."""

    loss: float
    """Mean over images, or over known labels; without weights or smoothing."""

    auroc: float | None
    """Macro, one against all. None where a class has no image; with several labels an image the
    mean is over the classes that have both, None where none has."""

    accuracy: float
    """Share of images, or of known labels, that are decided rightly."""

    precision: float
    """Macro; 0 for a class that is never decided for."""

    recall: float
    """Macro; 0 for a class without an image."""

    f1: float
    """Macro."""

    classes: tuple[ClassEpoch, ...]
    """What the macro figures are means of; a class of which no label is known is left out."""


def judge_logits(logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Judgement:
    """Judge all logits of a part.

    Args:
        logits: n x k, finite.
        targets: n indices, or n x k of 1, 0 and NaN.
        classes: k names.

    Returns:
        The figures; with several labels an image each label is decided at a probability of 0.5.
    """
    truth = targets.numpy()
    judged = _judge_one if truth.ndim == 1 else _judge_many
    accuracy, of_classes = judged(logits, truth, classes)
    return Judgement(
        loss=float(sum_loss(logits, targets, None) / weigh_targets(targets, None)),
        auroc=_average_auroc(of_classes, is_single=truth.ndim == 1),
        accuracy=accuracy,
        precision=float(np.mean([one.precision for one in of_classes])),
        recall=float(np.mean([one.recall for one in of_classes])),
        f1=float(np.mean([one.f1 for one in of_classes])),
        classes=of_classes,
    )


def _average_auroc(classes: Sequence[ClassEpoch], *, is_single: bool) -> float | None:
    """The macro AUROC; for two classes, of which an image has one, that of the second."""
    found = [one.auroc for one in classes if one.auroc is not None]
    if not found or (is_single and len(found) < len(classes)):
        return None
    return found[1] if is_single and len(found) == 2 else float(np.mean(found))


def _judge_one(
    logits: Tensor, truth: np.ndarray, classes: Sequence[str]
) -> tuple[float, tuple[ClassEpoch, ...]]:
    decided = logits.argmax(1).numpy()
    scores = logits.double().softmax(1).numpy()
    found = (
        _judge_class(name, truth == k, decided == k, scores[:, k]) for k, name in enumerate(classes)
    )
    return float((decided == truth).mean()), tuple(found)


def _judge_many(
    logits: Tensor, truth: np.ndarray, classes: Sequence[str]
) -> tuple[float, tuple[ClassEpoch, ...]]:
    known, scores = np.isfinite(truth), logits.double().numpy()
    found = (
        _judge_class(name, truth[rows, k] == 1, scores[rows, k] > 0, scores[rows, k])
        for k, (name, rows) in enumerate(zip(classes, known.T, strict=True))
        if rows.any()
    )
    right = (scores > 0)[known] == (truth[known] == 1)
    return float(right.mean()), tuple(found)


def _judge_class(name: str, truth: Flags, decided: Flags, scores: Scores) -> ClassEpoch:
    from sklearn.metrics import (  # noqa: PLC0415 (slow)
        precision_recall_fscore_support,
        roc_auc_score,
    )

    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, decided, average="binary", zero_division=0
    )
    return ClassEpoch(
        class_name=name,
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        auroc=float(roc_auc_score(truth, scores)) if 0 < truth.sum() < len(truth) else None,
        support=int(truth.sum()),
    )
