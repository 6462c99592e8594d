"""Pixels become logits and the maps of all classes in one forward pass.

SPDX-License-Identifier: Apache-2.0
"""

from typing import NamedTuple

import torch
from torch import nn

from cxrlens.network.backbone import Backbone, build_backbone
from cxrlens.network.specification import NetworkSpec
from cxrlens.network.tensors import GreyBatch, LogitBatch, MapBatch


class ClassifierOutput(NamedTuple):
    """What one forward pass gives."""

    logits: LogitBatch
    """One a class; the mean of its map plus the head's bias."""

    maps: MapBatch
    """Class activation maps: signed, in units of the logit, without the bias."""


class MapClassifier(nn.Module):
    """A backbone, global average pooling and a linear head, evaluated map first.

    With features f of shape C x H x W and head weights w, the map of class k is
    M_k(x, y) = sum_c w_kc f_c(x, y) and its logit is mean(M_k) + b_k: exactly the same network as
    pooling first, since the head is linear, with the maps as a by-product.

    Args:
        backbone: gives the last feature map.
        n_classes: outputs.
        spec: normalisation and dropout.

    Source: Zhou et al. 2016, "Learning Deep Features for Discriminative Localization",
        equations 1 and 2.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, backbone: Backbone, n_classes: int, spec: NetworkSpec) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.n_features, n_classes)
        self.dropout = nn.Dropout2d(spec.dropout)
        # Not persistent: they belong to the specification, and normalisation travels with it.
        self.register_buffer("mean", _as_channels(spec.mean), persistent=False)
        self.register_buffer("std", _as_channels(spec.std), persistent=False)

    def forward(self, images: GreyBatch) -> ClassifierOutput:
        """Compute logits and maps.

        Args:
            images: grey in [0, 1], N x 1 x H x W; repeated over the channels and normalised here.

        Returns:
            `logits` N x K and `maps` N x K x rows x cols, both float32 even under autocast.
        """
        features = self.backbone((images - self.mean) / self.std)
        # Dropping whole channels before pooling is dropout on the pooled features.
        features = self.dropout(features)
        with torch.autocast(images.device.type, enabled=False):
            weight = self.head.weight[:, :, None, None]
            maps = nn.functional.conv2d(features.to(weight.dtype), weight)
            return ClassifierOutput(maps.mean(dim=(2, 3)) + self.head.bias, maps)


def build_classifier(
    spec: NetworkSpec, n_classes: int, input_size: tuple[int, int]
) -> MapClassifier:
    """Build a network with random weights.

    Args:
        spec: architecture and normalisation.
        n_classes: outputs.
        input_size: (height, width) in pixels.

    Raises:
        RecipeError: if the architecture is unknown or refuses its options.

    Example:
        >>> network = build_classifier(NetworkSpec("resnet18"), 2, (64, 64)).eval()
        >>> logits, maps = network(torch.zeros(1, 1, 64, 64))
        >>> tuple(maps.shape)
        (1, 2, 2, 2)
    """
    return MapClassifier(build_backbone(spec, input_size), n_classes, spec)


def _as_channels(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1)
