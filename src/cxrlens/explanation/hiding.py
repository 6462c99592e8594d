"""What stands in the place of a piece that is hidden.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from scipy import ndimage

from cxrlens.vocabulary import GreyImage, HideColor, Segments

_BLUR_SHARE = 1 / 16
"""Standard deviation of the blur as a share of the longer side: about half a piece of fifty."""


def hide_all(pixels: GreyImage, segments: Segments, hide_color: HideColor) -> GreyImage:
    """Make the image in which every piece is hidden.

    Args:
        pixels: height x width in [0, 1].
        segments: its pieces.
        hide_color: what a hidden pixel shows.

    Returns:
        Height x width in [0, 1].
    """
    if hide_color == "blur":
        sigma = _BLUR_SHARE * max(pixels.shape)
        return np.asarray(ndimage.gaussian_filter(pixels, sigma, mode="nearest"), dtype=np.float32)
    if hide_color == "mean":
        sizes = np.bincount(segments.ravel())
        sums = np.bincount(segments.ravel(), weights=pixels.ravel())
        return np.asarray((sums / sizes)[segments], dtype=np.float32)
    return np.full(pixels.shape, hide_color, dtype=np.float32)
