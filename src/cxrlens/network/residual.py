"""The residual network of the recipe `pneumothorax-cnn`, for training from scratch.

SPDX-License-Identifier: Apache-2.0
"""

from itertools import pairwise

import torch
from torch import nn

from cxrlens.network.compact import ResidualBlock
from cxrlens.network.tensors import ColourBatch, FeatureBatch


class ResidualNetwork(nn.Module):
    """Residual blocks, each followed by max pooling over 2 x 2: four of them give stride 16.

    With the default width a grey image of 256 x 256 becomes 16 x 16 x 512, as in the ancestor.

    Args:
        channels: channels of the input.
        width: channels after the first block; each further block has twice as many.
        depth: number of blocks, each of which halves height and width.

    Raises:
        ValueError: if width or depth is no whole number from 1.
    """

    def __init__(self, channels: int = 1, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        for name, value in (("width", width), ("depth", depth)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number from 1; got {value!r}")
        widths = [channels, *(width * 2**i for i in range(depth))]
        self.num_features = widths[-1]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(ResidualBlock(inward, outward), nn.MaxPool2d(2))
                for inward, outward in pairwise(widths)
            )
        )

    def forward_features(self, images: ColourBatch) -> FeatureBatch:
        """Compute the last feature map, 2 to the power of depth times smaller than the input."""
        features: torch.Tensor = self.blocks(images)
        return features
