"""A baseline: a place drawn by lot.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import ndimage

from cxrlens.explanation.method import MAX_SEED, Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage


@dataclass(frozen=True)
class NoiseSettings:
    """Of the noise."""

    sigma: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.0625
    """Of the Gaussian that smooths it, as a share of the image's height and of its width: a
    sixteenth makes hills about as wide as a cell of a map of 8 x 8. Above 0, at most 1."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    """Another draws other maps. At most 4,294,967,295."""


def make_noise(_: TorchEngine, question: Question, settings: NoiseSettings) -> Maps:
    """Draw smooth noise, another for every image, but for the same image always the same.

    Args:
        _: it does not look at the network.
        question: images; they only decide what is drawn.
        settings: of the noise.

    Returns:
        N x H x W of the network's input, in [0, 1].
    """
    return np.stack([_draw(image, settings) for image in question.pixels])


def _draw(image: GreyImage, settings: NoiseSettings) -> GreyImage:
    drawn_for = blake2b(image.tobytes(), digest_size=16).digest()
    random = np.random.default_rng([settings.seed, int.from_bytes(drawn_for, "little")])
    sigma = [settings.sigma * side for side in image.shape]
    hills = ndimage.gaussian_filter(random.normal(size=image.shape), sigma)
    return np.asarray((hills - hills.min()) / np.ptp(hills), dtype=np.float32)


RANDOM = Method(
    name="random",
    make=make_noise,
    words="a place drawn by lot, another for every image",
    source="",
    settings=NoiseSettings,
    is_baseline=True,
)
