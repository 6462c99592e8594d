"""How wrong logits are.

SPDX-License-Identifier: Apache-2.0
"""

import torch
from torch import Tensor, nn

from cxrlens.network.tensors import LogitBatch
from cxrlens.training.targets import ClassWeights, TargetBatch


def sum_loss(
    logits: LogitBatch, targets: TargetBatch, weights: ClassWeights | None, smoothing: float = 0.0
) -> Tensor:
    """Sum the loss over a batch; over `weigh_targets` of a whole step it is the step's mean.

    One class an image: cross-entropy of the logits (never of probabilities). Several: binary
    cross-entropy of each known label; those that are not known add nothing.

    Args:
        logits: N x K.
        targets: N indices, or N x K of 1, 0 and NaN.
        weights: as `weigh_classes` gives them; None counts all alike.
        smoothing: share of the target spread over all classes (or over yes and no).

    Returns:
        A scalar with its gradient.
    """
    if targets.ndim == 1:
        return nn.functional.cross_entropy(
            logits, targets, weights, label_smoothing=smoothing, reduction="sum"
        )
    known = targets.isfinite()
    hard = torch.where(known, targets, 0.0)
    soft = hard * (1 - smoothing) + smoothing / 2
    losses = nn.functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    return (losses * _weigh_labels(hard, weights) * known).sum()


def weigh_targets(targets: TargetBatch, weights: ClassWeights | None) -> Tensor:
    """Sum what the targets of a batch weigh.

    Args:
        targets: as for `sum_loss`.
        weights: as for `sum_loss`.

    Returns:
        A scalar; without weights the number of images, or of known labels.
    """
    if targets.ndim == 1:
        ones = torch.ones_like(targets, dtype=torch.float32)
        return (ones if weights is None else weights[targets]).sum()
    known = targets.isfinite()
    return (_weigh_labels(torch.where(known, targets, 0.0), weights) * known).sum()


def _weigh_labels(hard: Tensor, weights: ClassWeights | None) -> Tensor:
    return torch.ones_like(hard) if weights is None else 1 + hard * (weights - 1)
