"""A coarse signed map of the evidence for one class, tied to the source image.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cxrlens.vocabulary.arrays import GreyImage, Grid
from cxrlens.vocabulary.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Where the evidence for one class lies.

    The cells of the grid tile the network's input evenly; a cell's value stands at its centre.
    """

    grid: Grid
    """Signed evidence, row 0 at the top; positive speaks for the class."""

    geometry: Geometry
    """How the network's input lies on the source image."""

    class_name: str
    """The class that the evidence is for."""

    method: str
    """How the map was made, such as `cam`."""

    @property
    def is_usable(self) -> bool:
        """Whether the map says anything: finite and not the same value everywhere."""
        return bool(np.isfinite(self.grid).all() and np.ptp(self.grid) > 0)

    @property
    def peak(self) -> tuple[float, float]:
        """The (row, column) of the strongest cell's centre, in source pixel centres.

        Of cells that are equally strong (LIME's pieces, occlusion's patches) the one nearest to the
        middle of them all: the first of them would be a corner of the piece.
        """
        row, col = _find_peak(self.grid)
        box = self.geometry
        rows, cols = self.grid.shape
        return (
            float(box.top + (row + 0.5) * box.height / rows - 0.5),
            float(box.left + (col + 0.5) * box.width / cols - 0.5),
        )

    def on_source(self) -> GreyImage:
        """Interpolate the grid bilinearly onto the source pixels, half-pixel aligned.

        Returns:
            Height x width of the source image, in the units of the grid; between the outermost
            cell centres and the edge the outermost value holds; NaN on source pixels that the
            network never saw (outside a crop).
        """
        box = self.geometry
        rows, cols = self.grid.shape
        height, width = box.source_size
        by_row = _weigh_cells(height, rows, box.top, box.height)
        by_col = _weigh_cells(width, cols, box.left, box.width)
        return np.asarray(by_row @ self.grid.astype(np.float64) @ by_col.T, dtype=np.float32)


def _find_peak(grid: Grid) -> tuple[int, int]:
    row, col = np.unravel_index(int(np.argmax(grid)), grid.shape)
    tied = np.argwhere(grid == grid[row, col])
    if len(tied) > 1:
        row, col = tied[((tied - tied.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return int(row), int(col)


def _weigh_cells(
    pixels: int, cells: int, start: float, extent: float
) -> Float64[np.ndarray, "p c"]:
    """The weights with which the cells of one axis make up each source pixel of it.

    Returns:
        pixels x cells; rows sum to 1; rows of NaN for pixels whose centre lies outside the box.
    """
    centres = np.arange(pixels) + 0.5
    position = (centres - start) / extent * cells - 0.5
    clamped = np.clip(position, 0, cells - 1)
    distance = np.abs(clamped[:, None] - np.arange(cells)[None, :])
    weights = np.asarray(np.clip(1 - distance, 0, None))
    weights[(centres < start) | (centres > start + extent)] = np.nan
    return weights
