"""Training images are varied, a batch at a time.

SPDX-License-Identifier: Apache-2.0
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from cxrlens.network.tensors import GreyBatch
from cxrlens.training.recipe import Augmentation

_TILES = 4
"""Along each side, whose corners a distortion moves."""

_LOG_RATIO = math.log(4 / 3)
"""Of the proportions of a cut-out box to those of the image, at most either way."""


def augment(images: GreyBatch, augmentation: Augmentation, generator: torch.Generator) -> GreyBatch:
    """Move, distort, mirror, brighten and stretch the contrast of each image on its own.

    Args:
        images: N x 1 x H x W in [0, 1].
        augmentation: how much.
        generator: on the CPU; the only source of randomness.

    Returns:
        The same shape, in [0, 1]; what comes in from beyond the border repeats the border, so
        that no black wedge tells how an image was turned.
    """
    n = len(images)
    grid = _draw_grid(images, augmentation, generator)
    if grid is not None:
        images = grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast = 1 + augmentation.contrast * _draw(n, generator).to(images)[:, None, None, None]
    shift = augmentation.brightness * _draw(n, generator).to(images)[:, None, None, None]
    mean = images.mean(dim=(2, 3), keepdim=True)
    return ((images - mean) * contrast + mean + shift).clamp(0, 1)


def _draw(n: int, generator: torch.Generator) -> Float[Tensor, " n"]:
    """Draw n numbers evenly from [-1, 1)."""
    return 2 * torch.rand(n, generator=generator) - 1


def _draw_grid(
    images: GreyBatch, augmentation: Augmentation, generator: torch.Generator
) -> Float[Tensor, "n h w 2"] | None:
    """Draw where each pixel comes from, in the coordinates of `grid_sample`; None: its own place.

    Those coordinates span 2 along both axes, whatever the image's proportions.
    """
    n, _, height, width = images.shape
    moves = _draw_moves(n, augmentation, generator, width / height)
    cuts = _draw_cuts(n, augmentation, generator)
    bends = augmentation.distortion * 2 * _draw_bends(n, generator)
    is_affine = (
        augmentation.rotation_degrees
        or augmentation.shift
        or augmentation.zoom
        or augmentation.crop_scale < 1
        or augmentation.mirror
    )
    if not (is_affine or augmentation.distortion):
        return None
    # First the box is cut out of the moved image: its places are what the moves are applied to.
    both = moves @ cuts
    grid = affine_grid(both[:, :2].to(images), list(images.shape), align_corners=False)
    if augmentation.distortion:
        size = (height, width)
        bent = interpolate(bends.to(images), size, mode="bilinear", align_corners=True)
        grid = grid + bent.permute(0, 2, 3, 1)
    return grid


def _draw_moves(
    n: int, augmentation: Augmentation, generator: torch.Generator, aspect: float
) -> Float[Tensor, "n 3 3"]:
    """Draw rotation, zoom and shift as matrices.

    `aspect` is width over height: turning without shearing an oblong image has to measure both in
    the same unit.
    """
    angle = math.radians(augmentation.rotation_degrees) * _draw(n, generator)
    scale = 1 + augmentation.zoom * _draw(n, generator)
    across = 2 * augmentation.shift * _draw(n, generator)
    down = 2 * augmentation.shift * _draw(n, generator)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    zero, one = torch.zeros(n), torch.ones(n)
    rows = [cos, -sin / aspect, across, sin * aspect, cos, down, zero, zero, one]
    return torch.stack(rows, dim=1).reshape(n, 3, 3)


def _draw_cuts(
    n: int, augmentation: Augmentation, generator: torch.Generator
) -> Float[Tensor, "n 3 3"]:
    """Draw the box of each image that is stretched over the input, mirrored or not, as matrices.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 6 (there from 8 %).
    """
    floor = augmentation.crop_scale
    area = floor + (1 - floor) * torch.rand(n, generator=generator)
    stretch = torch.exp(_LOG_RATIO * _draw(n, generator) / 2) if floor < 1 else torch.ones(n)
    wide, high = (area.sqrt() * stretch).clamp(max=1), (area.sqrt() / stretch).clamp(max=1)
    across, down = (1 - wide) * _draw(n, generator), (1 - high) * _draw(n, generator)
    is_mirrored = torch.rand(n, generator=generator) < (0.5 if augmentation.mirror else 0.0)
    zero, one = torch.zeros(n), torch.ones(n)
    wide = torch.where(is_mirrored, -wide, wide)
    rows = [wide, zero, across, zero, high, down, zero, zero, one]
    return torch.stack(rows, dim=1).reshape(n, 3, 3)


def _draw_bends(n: int, generator: torch.Generator) -> Float[Tensor, "n 2 corners corners"]:
    """Draw how far the corners of all tiles move, from [-1, 1); those on the border stay."""
    bends = torch.zeros(n, 2, _TILES + 1, _TILES + 1)
    inner = (n, 2, _TILES - 1, _TILES - 1)
    bends[:, :, 1:-1, 1:-1] = 2 * torch.rand(inner, generator=generator) - 1
    return bends
