"""Maps of one image are tied to its source pixels.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from cxrlens.vocabulary import Geometry, Heatmap


def make_heatmaps(
    maps: Float32[np.ndarray, "k rows cols"],
    classes: Sequence[str],
    geometry: Geometry,
    *,
    method: str = "cam",
) -> tuple[Heatmap, ...]:
    """Tie maps to the source image.

    Args:
        maps: one a class; the cells of each tile the network's input evenly.
        classes: their names, in order.
        geometry: how the network's input lies on the source image.
        method: how they were made.

    Returns:
        One a class.
    """
    return tuple(
        Heatmap(grid=grid, geometry=geometry, class_name=name, method=method)
        for grid, name in zip(maps, classes, strict=True)
    )
