"""How alike two maps of the same image are.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.vocabulary import Grid, Heatmap, InputError, Scores

SIDE = 14
"""Cells along each axis at which maps finer than that are compared, so that noise from pixel to
pixel plays no part."""


def correlate_maps(first: Sequence[Heatmap], second: Sequence[Heatmap]) -> Scores:
    """Compare maps pair by pair: Spearman's rank correlation over their cells.

    Args:
        first: maps of some images.
        second: other maps of the same images, on grids of the same size.

    Returns:
        One number a pair, in [-1, 1]: 1 where the cells come in the same order; 0 where a map
        says nothing, or has a single cell.

    Raises:
        InputError: if the grids of a pair differ in size, or there are not as many of both.

    Source:
        As in Adebayo et al., NeurIPS 2018, section 4 (rank correlation of maps).
    """
    if len(first) != len(second):
        raise InputError(f"maps are compared in pairs; got {len(first)} and {len(second)}")
    return np.array([_correlate(a, b) for a, b in zip(first, second, strict=True)])


def _correlate(first: Heatmap, second: Heatmap) -> float:
    from scipy.stats import rankdata  # noqa: PLC0415 (slow)

    if first.grid.shape != second.grid.shape:
        raise InputError(
            f"a map of {first.grid.shape} cells cannot be compared with one of "
            f"{second.grid.shape}; give maps of one method"
        )
    if not (first.is_usable and second.is_usable):
        return 0.0
    ranks = [rankdata(_coarsen(one.grid)) for one in (first, second)]
    spread = [float(np.std(one)) for one in ranks]
    if min(spread) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _coarsen(grid: Grid) -> Scores:
    """Average to at most `SIDE` cells along each axis."""
    for axis in (0, 1):
        size = grid.shape[axis]
        if size > SIDE:
            edges = np.arange(SIDE) * size // SIDE
            counts = np.diff(np.append(edges, size))
            shape = (-1, 1) if axis == 0 else (1, -1)
            grid = np.add.reduceat(grid, edges, axis=axis) / counts.reshape(shape)
    return np.asarray(grid, dtype=np.float64).ravel()
