"""Logits become probabilities and decisions inside the graph.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cxrlens.vocabulary import EVEN_ODDS, OperatingPoint, Scaling

_NEVER = 2.0
"""No probability reaches it: the threshold of a class that has none."""


class Decided(NamedTuple):
    """What follows from a batch of logits, each N x K."""

    probabilities: Float[Tensor, "n k"]
    """Those that decide: calibrated where the model is, else as the network gives them."""

    decisions: Bool[Tensor, "n k"]
    """Whether each class is decided for."""

    flags: Bool[Tensor, "n k"]
    """Whether each class reaches its own threshold; never where it has none."""


class Decider(nn.Module):
    """The calibration and the operating point of a bundle.

    Args:
        classes: in the order of the logits.
        scaling: of the calibration; None where there is none.
        point: how a decision follows.
        is_multilabel: whether an image may have several classes, or none.

    Source: `Scaling.apply` and `OperatingPoint.decide`, in float32.
    """

    scales: Tensor
    offsets: Tensor
    own: Tensor
    levels: Tensor

    def __init__(
        self,
        classes: Sequence[str],
        scaling: Scaling | None,
        point: OperatingPoint,
        *,
        is_multilabel: bool,
    ) -> None:
        super().__init__()
        self._is_multilabel = is_multilabel
        thresholds = {one.class_name: one.value for one in point.thresholds}
        self._has_second = len(classes) == 2 and classes[1] in thresholds
        scales = torch.ones(len(classes)) if scaling is None else torch.tensor(scaling.scales)
        offsets = torch.zeros(len(classes)) if scaling is None else torch.tensor(scaling.offsets)
        self.register_buffer("scales", scales)
        self.register_buffer("offsets", offsets)
        own = [thresholds.get(name, _NEVER) for name in classes]
        levels = [thresholds.get(name, EVEN_ODDS) for name in classes]
        self.register_buffer("own", torch.tensor(own, dtype=torch.float32))
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))

    def forward(self, logits: Float[Tensor, "n k"]) -> Decided:
        """Decide for a batch."""
        scaled = logits * self.scales + self.offsets
        if self._is_multilabel:
            probabilities = scaled.sigmoid()
            return Decided(probabilities, probabilities >= self.levels, probabilities >= self.own)
        probabilities = scaled.softmax(dim=1)
        if self._has_second:
            second = probabilities[:, 1:] >= self.levels[1:]
            decisions = torch.cat([~second, second], dim=1)
        else:
            largest = probabilities.argmax(dim=1, keepdim=True)
            decisions = largest == torch.arange(len(self.levels))
        return Decided(probabilities, decisions, probabilities >= self.own)
