"""RISE: what the logit gains on average where random masks let a pixel through.

SPDX-License-Identifier: Apache-2.0

Neither Captum nor pytorch-grad-cam has it.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float32, Int
from pydantic import Field
from torch.nn.functional import interpolate

from cxrlens.explanation.method import MAX_SEED, Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.explanation.variants import score_variants
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage


@dataclass(frozen=True)
class RiseSettings:
    """Of the random masks; they are the same for every image."""

    # Both bounds together keep the grids of all masks, which are drawn at once, below a gigabyte.
    n_masks: Annotated[int, Field(ge=2, le=100_000)] = 1000
    """How many, and so how often the network runs for an image; the paper takes 4,000 and more. At
    most 100,000."""

    cells: Annotated[int, Field(ge=1, le=32)] = 7
    """Along each axis of the coarse grid that a mask is enlarged from, at most 32."""

    p: Annotated[float, Field(ge=0.01, le=0.99, allow_inf_nan=False)] = 0.5
    """The chance of a cell to let the image through, from 0.01 to 0.99."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    """Another draws other masks. At most 4,294,967,295."""


@dataclass(frozen=True, eq=False)
class _Masks:
    """Random masks, drawn as grids and enlarged when they are looked at."""

    grids: Float32[np.ndarray, "n cells cells"]
    shifts: Int[np.ndarray, "n 2"]
    by_row: Float32[np.ndarray, "long_rows cells"]
    by_col: Float32[np.ndarray, "long_cols cells"]
    size: tuple[int, int]

    def enlarge(self, number: int) -> GreyImage:
        """Enlarge one to H x W in [0, 1], cut out at its shift."""
        (top, left), (height, width) = self.shifts[number], self.size
        rows, cols = self.by_row[top : top + height], self.by_col[left : left + width]
        return np.asarray(rows @ self.grids[number] @ cols.T)


def make_rise(engine: TorchEngine, question: Question, settings: RiseSettings) -> Maps:
    """See each image through random masks, and average the masks by the logit they leave.

    The mean logit is taken off first. The paper averages probabilities, which 0 is a bound of;
    a logit has no zero, and its mean would add nothing but the unevenness of the masks.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: of the masks.

    Returns:
        N x H x W of the network's input, signed, in units of the logit: about how far the mean
        logit rises where a pixel is let through.

    Source: Petsiuk et al. 2018, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", eq. 6, masks as in section 3.3.
    """
    height, width = question.pixels.shape[1:]
    masks = _draw_masks((height, width), settings)

    def dim(copy: GreyImage, number: int) -> None:
        copy *= masks.enlarge(number)

    maps = np.zeros_like(question.pixels)
    for i, (image, target) in enumerate(zip(question.pixels, question.targets, strict=True)):
        scores = score_variants(engine, image, int(target), settings.n_masks, dim)
        weights = (scores - scores.mean()) / (settings.n_masks * settings.p)
        for number, weight in enumerate(weights):
            maps[i] += weight * masks.enlarge(number)
    return maps


def _draw_masks(size: tuple[int, int], settings: RiseSettings) -> _Masks:
    n, cells = settings.n_masks, settings.cells
    random = np.random.default_rng(settings.seed)
    grids = (random.random((n, cells, cells)) < settings.p).astype(np.float32)
    pixels = [-(-side // cells) for side in size]  # of the image in a cell, rounded up
    # One cell more than the image has, so that it can be shifted by less than a cell.
    by_row, by_col = (_weigh_cells(cells, (cells + 1) * step) for step in pixels)
    return _Masks(grids, random.integers(0, pixels, (n, 2)), by_row, by_col, size)


def _weigh_cells(cells: int, pixels: int) -> Float32[np.ndarray, "pixels cells"]:
    """The weights by which cells of one axis are enlarged bilinearly, half-pixel aligned."""
    enlarged = interpolate(torch.eye(cells)[None], size=pixels, mode="linear")
    return np.asarray(enlarged[0].numpy().T)


RISE = Method(
    name="rise",
    make=make_rise,
    words="what the logit gains on average where random masks let a pixel through",
    source="Petsiuk et al. 2018, RISE: Randomized Input Sampling for Explanation",
    settings=RiseSettings,
    is_signed=True,
)
"""Slow; needs nothing of the network but its answers."""
