"""How much of a radiograph lies at the very ends of the grey scale.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.vocabulary import GreyImage

_END = 0.015
"""So near to black or white nothing can be told apart any more: 4 of 255 grey levels, which is
what JPEG makes of a clipped area."""


def measure_saturation(field: GreyImage) -> tuple[float, float]:
    """Give the shares of a radiograph that are clipped to black and to white.

    Black is counted in the middle of the field only (rows from a fifth, columns from an eighth),
    since the air beside a patient is rightly black.

    Args:
        field: the exposed field of an image (`cut_frame`), in [0, 1].

    Returns:
        (black share of the middle, white share of the field), each in [0, 1].

    Example:
        >>> import numpy as np
        >>> field = np.full((100, 100), 0.5, dtype=np.float32)
        >>> field[:25] = 1
        >>> measure_saturation(field)
        (0.0, 0.25)
    """
    rows, cols = field.shape
    middle = field[rows // 5 : rows - rows // 5, cols // 8 : cols - cols // 8]
    return float((middle <= _END).mean()), float((field >= 1 - _END).mean())
