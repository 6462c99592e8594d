"""What can be said of a chest in numbers where there is no network: greys and grain, cell by cell.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from scipy import ndimage

from cxrlens.audit.crossfit import Features
from cxrlens.audit.looking import Hulls, Squares

_SCALES = (1.0, 2.0, 4.0)
"""Standard deviations, in pixels of the small image, between which grain is measured."""

_CELLS = 16
"""Rows and columns in which each is averaged."""


def describe_pixels(squares: Squares, hulls: Hulls) -> Features:
    """Describe small images.

    Args:
        squares: in [0, 1].
        hulls: the lungs' hulls; greys are made even by what lies in it.

    Returns:
        For each cell of 16 x 16 the mean grey, and of 8 x 8 the strength of grain on three
        scales; for each cell also how it differs from its mirror image.
    """
    greys = squares.astype(np.float64)
    weight = hulls.astype(np.float64) + 1e-3
    total = weight.sum(axis=(1, 2), keepdims=True)
    mean = (greys * weight).sum(axis=(1, 2), keepdims=True) / total
    spread = np.sqrt((((greys - mean) ** 2) * weight).sum(axis=(1, 2), keepdims=True) / total)
    even = (greys - mean) / (spread + 1e-3)
    parts = [_average(even, _CELLS)]
    for scale in _SCALES:
        around = ndimage.gaussian_filter(even, (0, scale, scale), mode="nearest")
        wide = ndimage.gaussian_filter(even, (0, 2 * scale, 2 * scale), mode="nearest")
        parts.append(np.log(_average((around - wide) ** 2, _CELLS // 2) + 1e-4))
    mirrored = [part - part[:, :, ::-1] for part in parts]
    return np.concatenate([part.reshape(len(part), -1) for part in (*parts, *mirrored)], axis=1)


def _average(pictures: np.ndarray, cells: int) -> np.ndarray:
    n, side, _ = pictures.shape
    step = side // cells
    return np.asarray(pictures.reshape(n, cells, step, cells, step).mean(axis=(2, 4)))
