"""A map of a network that gives no number says nothing, and shows it.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float

from cxrlens.explanation.method import Maps
from cxrlens.vocabulary import Scores


def blank_maps(maps: Float[np.ndarray, "n rows cols"], logits: Scores) -> Maps:
    """Blank the maps of those images for which the network gave something that is no number.

    Needed because a finite map can come out all the same: what is not a number may stand where no
    gradient passes, such as in the bias of the last layer.

    Args:
        maps: one an image.
        logits: of the class that each is for.

    Returns:
        The maps, all NaN where the logit is not finite.
    """
    is_number = np.isfinite(logits)[:, None, None]
    return np.where(is_number, maps, np.nan).astype(np.float32)
