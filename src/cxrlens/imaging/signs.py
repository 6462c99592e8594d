"""How much of an image letters, markers and arrows take up.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np

from cxrlens.imaging.burned_in import find_burned_in
from cxrlens.imaging.framing import SmallImage, shrink
from cxrlens.imaging.reduction import Reduction
from cxrlens.vocabulary import GreyImage

_SIDE = 256
"""Rows and columns at which signs are found: a third of the time, and the same shares."""

_SHARP = 0.5
"""Points are sharp if four times their grey differs by more from the sum of their neighbours."""

_MIN_SHARP = 0.003
"""With fewer sharp points there is hardly more than a side marker, and nothing else is looked at:
so it is for five of six radiographs, in a tenth of a millisecond instead of twelve."""


def measure_signs(
    pixels: GreyImage, small: SmallImage, reduction: Reduction | None = None
) -> float:
    """Give the share of an image that is taken up by signs (`find_burned_in`), lungs included.

    Args:
        pixels: height x width in [0, 1].
        small: the same, shrunk (`shrink`).
        reduction: as for `shrink`.

    Returns:
        The share, in [0, 1]; 0 where there is hardly a sharp point.
    """
    middle = small[1:-1, 1:-1]
    around = small[:-2, 1:-1] + small[2:, 1:-1] + small[1:-1, :-2] + small[1:-1, 2:]
    if float((np.abs(4 * middle - around) > _SHARP).mean()) < _MIN_SHARP:
        return 0.0
    return float(find_burned_in(shrink(pixels, _SIDE, reduction)).mean())
