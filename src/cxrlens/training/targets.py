"""Labels become the numbers trained on.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cxrlens.vocabulary import ClassIndices, LabelMatrix

Targets = Int[np.ndarray, " n"] | Float[np.ndarray, "n k"]
"""The index of each image's one class; or for each image and class 1, 0 or NaN for not known."""

TargetBatch = Int[Tensor, " n"] | Float[Tensor, "n k"]
"""The same, of a batch."""

ClassWeights = Float[Tensor, " k"]
"""How much a class counts; 1 on average over the images."""

_UNCERTAIN = {"ignore": np.nan, "positive": 1.0, "negative": 0.0}


def resolve_labels(
    labels: LabelMatrix, uncertain: Literal["ignore", "positive", "negative"]
) -> LabelMatrix:
    """Turn the labels of a multi-label table into targets.

    Args:
        labels: 1 there, 0 not there, -1 uncertain, NaN missing.
        uncertain: what an uncertain label becomes; `ignore` makes it one that is not known.

    Returns:
        1, 0, or NaN for what is not known and teaches nothing.

    Source: Irvin et al. 2019, "CheXpert", section 3 (U-Ignore, U-Ones, U-Zeros).
    """
    return np.where(labels == -1, np.float32(_UNCERTAIN[uncertain]), labels).astype(np.float32)


def weigh_classes(targets: Targets, n_classes: int) -> ClassWeights:
    """Weigh classes so that each adds equally to the loss.

    Args:
        targets: of the training part.
        n_classes: how many there are.

    Returns:
        One class an image: n / (k n_k), so that all images together weigh n. Several: how many
        times the positives of a class weigh against its negatives, which is negatives over
        positives. 1 for a class of which there are none.
    """
    if targets.ndim == 1:
        counts = np.bincount(targets, minlength=n_classes)
        weights = len(targets) / (n_classes * np.maximum(counts, 1))
    else:
        counts = (targets == 1).sum(axis=0)
        weights = (targets == 0).sum(axis=0) / np.maximum(counts, 1)
    weights = np.where((counts > 0) & (weights > 0), weights, 1.0)
    return torch.from_numpy(weights.astype(np.float32))


def has_target(targets: ClassIndices | LabelMatrix) -> np.ndarray:
    """Tell which images have anything to teach: a class, or one label that is known.

    Returns:
        n booleans.
    """
    return np.asarray(targets >= 0 if targets.ndim == 1 else np.isfinite(targets).any(axis=1))
