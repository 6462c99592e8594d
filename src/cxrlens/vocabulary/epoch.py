"""What one epoch of a training came to.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part, and how it did on validation."""

    epoch: int
    """Counted from 1."""

    train_loss: float
    """Mean cross-entropy over the epoch, with label smoothing and augmentation as trained."""

    val_loss: float
    """Mean cross-entropy on validation, without either."""

    val_auroc: float | None
    """Macro AUROC on validation; None where a class has no case there."""

    learning_rate: float
    """Of the head, at the end of the epoch."""

    is_best: bool = False
    """Whether this epoch's weights were kept."""
