"""What one epoch of a training came to.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ClassEpoch:
    """How one class did on validation after an epoch."""

    class_name: str
    """Its name."""

    precision: float
    """Share of the decisions for the class that are right; 0 where there are none."""

    recall: float
    """Share of the class that is found; 0 where validation has none of it."""

    f1: float
    """Harmonic mean of precision and recall; 0 where both are."""

    auroc: float | None
    """Against all others; None where validation has none of it, or nothing else."""

    support: int
    """Validation images that have it."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part, and how it did on validation."""

    epoch: int
    """Counted from 1 over all stages."""

    train_loss: float
    """Mean loss over the epoch, with label smoothing and augmentation as trained."""

    val_loss: float
    """Mean loss on validation, without either."""

    val_auroc: float | None
    """Macro AUROC on validation; None where a class has no case there."""

    learning_rate: float
    """Of the head (or of what is nearest to it), at the end of the epoch."""

    is_best: bool = False
    """Whether this epoch's weights were kept."""

    stage: str = ""
    """Name of the recipe's stage."""

    train_accuracy: float | None = None
    """Share of the training images (augmented, while the weights moved) decided rightly."""

    val_accuracy: float | None = None
    """Share of the validation images decided rightly."""

    val_precision: float | None = None
    """Macro precision on validation."""

    val_recall: float | None = None
    """Macro recall on validation."""

    val_f1: float | None = None
    """Macro F1 on validation."""

    learning_rates: dict[str, float] = field(default_factory=dict)
    """At the end of the epoch by pattern of the stage's `rate_factors`; `rest` has none."""

    seconds: float = 0.0
    """Time that it took; of an interrupted epoch, since it was resumed."""

    classes: tuple[ClassEpoch, ...] = ()
    """One a class of which any label is known on validation."""

    features: str = ""
    """Which cached features its steps were shown, and what computed them, such as `view 2 of 10 by
    openvino in float32`; empty where every step went through the whole network."""
