"""One image in many altered copies, and the logit of each.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import numpy as np

from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage, Scores

BATCH = 32
"""Copies that the network is given at once."""

Alter = Callable[[GreyImage, int], None]
"""Changes a copy of the image in place, as the variant of that number."""


def score_variants(
    engine: TorchEngine, image: GreyImage, target: int, n_variants: int, alter: Alter
) -> Scores:
    """Run the network on altered copies of an image.

    Only one batch of copies is held, and altered anew for every run.

    Args:
        engine: runs the network.
        image: H x W in [0, 1], at the network's input size.
        target: the class whose logit is wanted.
        n_variants: how many.
        alter: is given each copy, still unaltered, and the number of its variant.

    Returns:
        The logit of each variant; NaN where the network gives no number, so that what is made of
        it is none either.
    """
    copies = np.empty((min(BATCH, n_variants), *image.shape), dtype=np.float32)
    scores = np.empty(n_variants)
    for start in range(0, n_variants, BATCH):
        n_copies = min(BATCH, n_variants - start)
        copies[:n_copies] = image
        for slot in range(n_copies):
            alter(copies[slot], start + slot)
        scores[start : start + n_copies] = engine.run(copies[:n_copies]).logits[:, target]
    return np.where(np.isfinite(scores), scores, np.nan)
