"""Pixels become logits and the maps of all classes in one forward pass.

SPDX-License-Identifier: Apache-2.0
"""

from typing import NamedTuple

import torch
from torch import nn

from cxrlens.network.backbone import Backbone, build_backbone
from cxrlens.network.head import MapHead
from cxrlens.network.specification import NetworkSpec
from cxrlens.network.tensors import GreyBatch, LogitBatch, MapBatch, PooledBatch


class ClassifierOutput(NamedTuple):
    """What one forward pass gives."""

    logits: LogitBatch
    """One a class; the mean of its map plus its offset."""

    maps: MapBatch
    """Where each logit comes from: signed, in units of the logit, without the offset."""

    offsets: LogitBatch
    """The part of each logit that lies nowhere in the image: the bias of a linear head."""

    auxiliary: LogitBatch | None = None
    """Logits of the auxiliary head in training, where the architecture has one."""

    features: PooledBatch | None = None
    """Pooled features, as `MapClassifier.pool` gives them; None where they were not kept."""


class MapClassifier(nn.Module):
    """A backbone, global average pooling and a head, evaluated map first (see `MapHead`).

    Args:
        backbone: gives the last feature map.
        n_classes: outputs.
        spec: normalisation and head.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, backbone: Backbone, n_classes: int, spec: NetworkSpec) -> None:
        super().__init__()
        self.backbone = backbone
        # Does nothing: the place where methods that need gradients or activations hook in.
        self.pooled_map = nn.Identity()
        self.head = MapHead(backbone.n_features, n_classes, spec.hidden, spec.dropout)
        backbone.reset_auxiliary(n_classes)
        # Not persistent: they belong to the specification, and normalisation travels with it.
        self.register_buffer("mean", _as_channels(spec.mean), persistent=False)
        self.register_buffer("std", _as_channels(spec.std), persistent=False)

    def forward(self, images: GreyBatch) -> ClassifierOutput:
        """Compute logits and maps.

        Args:
            images: grey in [0, 1], N x 1 x H x W; repeated over the channels and normalised here.

        Returns:
            `logits` N x K, `maps` N x K x rows x cols and `features` N x features, all float32
            even under autocast.
        """
        features, auxiliary = self.backbone.compute((images - self.mean) / self.std)
        with torch.autocast(images.device.type, enabled=False):
            features = features.to(self.head.output.weight.dtype)
            logits, maps, offsets = self.head(self.pooled_map(self.backbone.normalise(features)))
            return ClassifierOutput(logits, maps, offsets, auxiliary, features.mean(dim=(2, 3)))

    def pool(self, images: GreyBatch) -> PooledBatch:
        """Compute the pooled features, before any norm that stands after pooling.

        Args:
            images: grey in [0, 1], N x 1 x H x W.

        Returns:
            N x features, float32 even under autocast.
        """
        features, _ = self.backbone.compute((images - self.mean) / self.std)
        with torch.autocast(images.device.type, enabled=False):
            return features.to(self.head.output.weight.dtype).mean(dim=(2, 3))

    def answer_pooled(self, pooled: PooledBatch) -> LogitBatch:
        """Compute logits from what `pool` gives: those of the whole network, but for rounding.

        Args:
            pooled: N x features.

        Returns:
            N x K.
        """
        logits: LogitBatch = self.head(self.backbone.normalise(pooled[:, :, None, None])).logits
        return logits

    def list_after_pooling(self) -> list[nn.Parameter]:
        """List the parameters that `answer_pooled` uses; all others are behind `pool`."""
        norm = self.backbone.find_pooled_norm()
        return [*self.head.parameters(), *([] if norm is None else norm.parameters())]


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
        >>> output = network(torch.zeros(1, 1, 64, 64))
        >>> tuple(output.maps.shape)
        (1, 2, 2, 2)
    """
    return MapClassifier(build_backbone(spec, input_size), n_classes, spec)


def _as_channels(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1)
