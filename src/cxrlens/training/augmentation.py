"""Training images are varied, a batch at a time.

SPDX-License-Identifier: Apache-2.0
"""

import math

import torch
from torch.nn.functional import affine_grid, grid_sample

from cxrlens.network.tensors import GreyBatch
from cxrlens.training.recipe import Augmentation


def augment(images: GreyBatch, augmentation: Augmentation, generator: torch.Generator) -> GreyBatch:
    """Rotate, shift, zoom, brighten and stretch the contrast of each image on its own.

    Args:
        images: N x 1 x H x W in [0, 1].
        augmentation: how much.
        generator: on the CPU; the only source of randomness.

    Returns:
        The same shape, in [0, 1]; what comes in from beyond the border repeats the border, so
        that no black wedge tells how an image was turned.
    """
    n = len(images)
    moves = _draw_moves(n, augmentation, generator, images.shape[3] / images.shape[2]).to(images)
    if augmentation.rotation_degrees or augmentation.shift or augmentation.zoom:
        grid = affine_grid(moves, list(images.shape), align_corners=False)
        images = grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast = 1 + augmentation.contrast * _draw(n, generator).to(images)[:, None, None, None]
    shift = augmentation.brightness * _draw(n, generator).to(images)[:, None, None, None]
    mean = images.mean(dim=(2, 3), keepdim=True)
    return ((images - mean) * contrast + mean + shift).clamp(0, 1)


def _draw(n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw n numbers evenly from [-1, 1)."""
    return 2 * torch.rand(n, generator=generator) - 1


def _draw_moves(
    n: int, augmentation: Augmentation, generator: torch.Generator, aspect: float
) -> torch.Tensor:
    """Draw N affine matrices, 2 x 3, in the coordinates of `affine_grid`.

    `aspect` is width over height: those coordinates span 2 along both, so that turning without
    shearing an oblong image has to measure both in the same unit.
    """
    angle = math.radians(augmentation.rotation_degrees) * _draw(n, generator)
    scale = 1 + augmentation.zoom * _draw(n, generator)
    across = 2 * augmentation.shift * _draw(n, generator)
    down = 2 * augmentation.shift * _draw(n, generator)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [cos, -sin / aspect, across, sin * aspect, cos, down]
    return torch.stack(rows, dim=1).reshape(n, 2, 3)
