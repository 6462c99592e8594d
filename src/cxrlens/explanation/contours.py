"""The lines around a region.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from skimage.measure import find_contours

from cxrlens.vocabulary import Contour, PixelMask


def trace_contours(part: PixelMask, top: int, left: int) -> tuple[Contour, ...]:
    """Trace the lines around the True pixels of a box.

    Args:
        part: height x width of the box.
        top: first row of the box on the source image.
        left: first column of the box on the source image.

    Returns:
        Closed lines, the longest first, through the middle between pixels inside and outside:
        (row, column) in source pixels, where the first pixel covers 0 to 1. Holes have lines too.
    """
    # A margin, so that lines along the edge of the box close.
    lines = find_contours(np.pad(part, 1).astype(np.float64), 0.5)  # type: ignore[no-untyped-call]
    # find_contours speaks of pixel centres, from a box that begins a pixel earlier.
    corner = np.array([top - 0.5, left - 0.5])
    placed = [line + corner for line in sorted(lines, key=len, reverse=True)]
    return tuple(tuple((float(row), float(col)) for row, col in line) for line in placed)
