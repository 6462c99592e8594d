"""A small residual network for grey images, whose last map has stride 8.

SPDX-License-Identifier: Apache-2.0
"""

import torch
from torch import nn

from cxrlens.network.tensors import ColourBatch, FeatureBatch, InnerBatch


class CompactNetwork(nn.Module):
    """A patch stem (stride 4), two residual blocks, a patch reduction (stride 8), one more block.

    Trained from scratch in about a minute on two processor cores (0.125 GMAC a forward at 144
    pixels and width 32), and fine-grained enough that its maps find thin lesions. Two choices
    serve the maps: kernels that reduce the resolution are as wide as their stride, so that a cell
    of the last map sits exactly over its part of the input; and most of the depth lies before the
    last reduction, since every 3x3 convolution after it lets the evidence wander by a cell.

    Args:
        channels: channels of the input.
        width: channels after the stem; the last map has four times as many.

    Raises:
        ValueError: if the width is no whole number from 1.
    """

    def __init__(self, channels: int = 1, width: int = 32) -> None:
        super().__init__()
        if not isinstance(width, int) or width < 1:
            raise ValueError(f"width must be a whole number from 1; got {width!r}")
        self.num_features = 4 * width
        self.stem = nn.Sequential(_convolve(channels, width, 4, stride=4), nn.ReLU())
        self.blocks = nn.Sequential(
            ResidualBlock(width, width),
            ResidualBlock(width, width),
            _convolve(width, 2 * width, 2, stride=2),
            nn.ReLU(),
            ResidualBlock(2 * width, 4 * width),
        )

    def forward_features(self, images: ColourBatch) -> FeatureBatch:
        """Compute the last feature map, 8 times smaller than the input and not negative."""
        features: torch.Tensor = self.blocks(self.stem(images))
        return features


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around both.

    Args:
        inward: channels in.
        outward: channels out.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", figure 2.
    """

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        self.first = _convolve(inward, outward, 3)
        self.second = _convolve(outward, outward, 3)
        self.shortcut = nn.Identity() if inward == outward else _convolve(inward, outward, 1)

    def forward(self, features: InnerBatch) -> InnerBatch:
        """Compute the block; height and width stay."""
        inner = self.second(torch.relu(self.first(features)))
        return torch.relu(self.shortcut(features) + inner)


def _convolve(inward: int, outward: int, kernel: int, stride: int = 1) -> nn.Sequential:
    padding = (kernel - stride) // 2
    return nn.Sequential(
        nn.Conv2d(inward, outward, kernel, stride, padding, bias=False), nn.BatchNorm2d(outward)
    )
