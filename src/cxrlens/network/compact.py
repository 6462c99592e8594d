"""A small residual network for grey images, whose last map has stride 8.

SPDX-License-Identifier: Apache-2.0
"""

import torch
from torch import nn

from cxrlens.network.tensors import ColourBatch, FeatureBatch, InnerBatch


class CompactNetwork(nn.Module):
    """A patch stem (stride 4) and three residual blocks, the first of them with stride 2.

    Trained from scratch in about a minute on two processor cores, and fine-grained enough (stride
    8) that its maps find thin lesions. Kernels that reduce the resolution are as wide as their
    stride, so a cell of the last map sits exactly over its part of the input.

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
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 4, 4, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            ResidualBlock(width, 2 * width, stride=2),
            ResidualBlock(2 * width, 2 * width),
            ResidualBlock(2 * width, 4 * width),
        )

    def forward_features(self, images: ColourBatch) -> FeatureBatch:
        """Compute the last feature map, 8 times smaller than the input and not negative."""
        features: torch.Tensor = self.blocks(self.stem(images))
        return features


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", figure 2, with a
    strided patch convolution on both paths where the resolution falls.
    """

    def __init__(self, inward: int, outward: int, stride: int = 1) -> None:
        super().__init__()
        self.reduce = _convolve(inward, outward, stride, stride) if stride > 1 else nn.Identity()
        first = outward if stride > 1 else inward
        self.first = _convolve(first, outward, 3)
        self.second = _convolve(outward, outward, 3)
        self.shortcut = nn.Identity() if first == outward else _convolve(first, outward, 1)

    def forward(self, features: InnerBatch) -> InnerBatch:
        """Compute the block."""
        features = self.reduce(features)
        inner = self.second(torch.relu(self.first(features)))
        return torch.relu(self.shortcut(features) + inner)


def _convolve(inward: int, outward: int, kernel: int, stride: int = 1) -> nn.Sequential:
    padding = (kernel - stride) // 2
    return nn.Sequential(
        nn.Conv2d(inward, outward, kernel, stride, padding, bias=False), nn.BatchNorm2d(outward)
    )
