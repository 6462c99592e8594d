"""A baseline: the edges in the image, whatever was learned.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from scipy import ndimage

from cxrlens.explanation.method import Maps, Method, NoSettings
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage


def make_edges(_: TorchEngine, question: Question, __: NoSettings) -> Maps:
    """Find how steeply each image changes (Sobel).

    Args:
        _: it does not look at the network.
        question: images.
        __: it takes no settings.

    Returns:
        N x H x W of the network's input, not negative: the size of the gradient, times 8.
    """
    return np.stack([_find_edges(image) for image in question.pixels])


def _find_edges(image: GreyImage) -> GreyImage:
    return np.asarray(np.hypot(ndimage.sobel(image, axis=0), ndimage.sobel(image, axis=1)))


EDGES = Method(
    name="edges",
    make=make_edges,
    words="the edges in the image, whatever was learned",
    source="Adebayo et al. 2018, Sanity Checks for Saliency Maps",
    is_baseline=True,
)
"""What a map looks like that shows the image and not the network."""
