"""The class activation maps of one image, tied to its source pixels.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from cxrlens.vocabulary import Geometry, Heatmap

METHOD = "cam"
"""The name of this method in every result."""


def make_heatmaps(
    maps: Float32[np.ndarray, "k rows cols"], classes: Sequence[str], geometry: Geometry
) -> tuple[Heatmap, ...]:
    """Tie the maps that came out of the forward pass to the source image.

    Args:
        maps: one a class, signed; the mean of a map plus the head's bias is the class's logit.
        classes: their names, in order.
        geometry: how the network's input lies on the source image.

    Returns:
        One a class.

    Source: Zhou et al. 2016, "Learning Deep Features for Discriminative Localization", eq. 2.
    """
    return tuple(
        Heatmap(grid=grid, geometry=geometry, class_name=name, method=METHOD)
        for grid, name in zip(maps, classes, strict=True)
    )
