"""Features become logits, each with the map that it is the mean of.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

from cxrlens.network.tensors import (
    EffectiveWeight,
    FeatureBatch,
    LogitBatch,
    MapBatch,
    PooledBatch,
)


class HeadOutput(NamedTuple):
    """What a head gives."""

    logits: LogitBatch
    """The mean of each map plus its offset."""

    maps: MapBatch
    """Signed, in units of the logit."""

    offsets: LogitBatch
    """The part of each logit that lies nowhere in the image."""


class MapHead(nn.Module):
    """Global average pooling, hidden layers with ReLU, dropout and a linear layer.

    With the pooled features g fixed, such a head is linear: every ReLU is open or shut. So with J
    its Jacobian at g and o what is left, logit = J g + o, and the map of class k is
    M_k(x, y) = sum_c J_kc f_c(x, y), whose mean is the logit but for the offset o_k. Without
    hidden layers J is the weight matrix, o the bias, and M the class activation map.

    Args:
        n_features: channels of the last feature map.
        n_classes: outputs.
        hidden: units of each hidden layer, from the features on.
        dropout: share of the linear layer's inputs that is dropped in training.

    Source: Zhou et al. 2016, "Learning Deep Features for Discriminative Localization", equations
        1 and 2; with hidden layers Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2 at the
        tensor that is pooled and before their ReLU, times the number of cells.
    """

    def __init__(
        self, n_features: int, n_classes: int, hidden: Sequence[int] = (), dropout: float = 0.0
    ) -> None:
        super().__init__()
        widths = [n_features, *hidden]
        self.hidden = nn.ModuleList(nn.Linear(n, m) for n, m in pairwise(widths))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(widths[-1], n_classes)

    def forward(self, features: FeatureBatch) -> HeadOutput:
        """Compute logits and maps.

        Args:
            features: N x C x rows x cols, the last feature map.

        Returns:
            `logits` N x K, `maps` N x K x rows x cols and `offsets` N x K.
        """
        weight, offsets = self._linearise(features.mean(dim=(2, 3)))
        n, _, rows, cols = features.shape
        maps = (weight @ features.flatten(2)).reshape(n, -1, rows, cols)
        return HeadOutput(maps.mean(dim=(2, 3)) + offsets, maps, offsets)

    def _linearise(self, pooled: PooledBatch) -> tuple[EffectiveWeight, LogitBatch]:
        """Give J (N x K x C) and o (N x K) such that the logits are J g + o."""
        layers = [layer for layer in self.hidden if isinstance(layer, nn.Linear)]
        gates = []
        for layer in layers:
            pooled = layer(pooled)
            gates.append((pooled > 0).to(pooled.dtype))
            pooled = pooled * gates[-1]
        # Dropping whole inputs of the linear layer is dropout on what it is given.
        kept = self.dropout(torch.ones_like(pooled))
        weight = self.output.weight * kept[:, None, :]
        offsets = self.output.bias.expand(pooled.shape[0], -1)
        for layer, gate in zip(reversed(layers), reversed(gates), strict=True):
            weight = weight * gate[:, None, :]
            offsets = offsets + weight @ layer.bias
            weight = weight @ layer.weight
        return weight, offsets
