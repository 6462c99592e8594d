"""A screenshot, a plot or a page: marks on a light, even ground that reaches all around.

SPDX-License-Identifier: Apache-2.0
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from cxrlens.imaging.framing import SmallImage, shrink
from cxrlens.imaging.reduction import Reduction
from cxrlens.vocabulary import GreyImage

_SIDE = 256
"""Rows and columns at which marks are counted: letters of a 640 x 480 figure are still seen."""

_EDGE = 2
"""Width in small pixels of the edge that must be even."""

_TOLERANCE = 0.06
"""How far the ground's grey may vary, and what JPEG does to it beside letters."""

_MIN_GREY = 0.15
"""A darker ground is the black of a collimator or a viewer, with letters on it as they come."""

_MIN_EDGE_SHARE = 0.85
"""So much of the edge must show the ground; a menu or a caption may cross it."""

_MIN_MARK = 4
"""Fewer small pixels are noise."""


def count_marks(pixels: GreyImage, small: SmallImage, reduction: Reduction | None = None) -> int:
    """Count what stands on the even ground around it: letters, ticks, lines, pictures.

    An inverted radiograph has a white ground too, with hardly anything on it.

    Args:
        pixels: height x width in [0, 1].
        small: the same, shrunk (`shrink`); where its edge is not even, nothing else is looked at.
        reduction: as for `shrink`.

    Returns:
        The number of marks, touching ones as one; 0 where the edge is not even or dark.
    """
    if not _find_ground(small)[0]:
        return 0
    image = shrink(pixels, _SIDE, reduction)
    is_even, grey = _find_ground(image)
    if not is_even:
        return 0
    parts, _ = ndimage.label(np.abs(image - grey) < _TOLERANCE)
    ground = np.isin(parts, [part for part in np.unique(parts[_edge(parts.shape)]) if part > 0])
    marks, _ = ndimage.label(~ground, structure=np.ones((3, 3)))
    return int((np.bincount(marks.ravel())[1:] >= _MIN_MARK).sum())


def _find_ground(image: GreyImage) -> tuple[bool, float]:
    """Whether the edge is one light grey, and which."""
    edge = image[_edge(image.shape)]
    grey = float(np.median(edge))
    share = float((np.abs(edge - grey) < _TOLERANCE).mean())
    return grey > _MIN_GREY and share >= _MIN_EDGE_SHARE, grey


@lru_cache(maxsize=2)  # of the small image and of the larger one
def _edge(shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    edge = np.ones(shape, dtype=bool)
    edge[_EDGE:-_EDGE, _EDGE:-_EDGE] = False
    return edge
