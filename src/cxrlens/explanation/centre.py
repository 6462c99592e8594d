"""A baseline: always the middle of the image.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine


@dataclass(frozen=True)
class CentreSettings:
    """Of the Gaussian."""

    # Of less, nothing would be left of a small image but zeros.
    sigma: Annotated[float, Field(ge=0.01, le=1, allow_inf_nan=False)] = 0.25
    """As a share of the image's height and of its width. With a quarter, two sigma reach from the
    middle to the edge, and half of the maximum encloses 27 % of the image (pi ln 2 / 8). At least
    0.01, at most 1."""


def make_centre(_: TorchEngine, question: Question, settings: CentreSettings) -> Maps:
    """Draw a Gaussian in the middle, the same for all images.

    Args:
        _: it does not look at the network.
        question: images; only their size matters.
        settings: of the Gaussian.

    Returns:
        N x H x W of the network's input, in (0, 1].
    """
    n, height, width = question.pixels.shape
    heat = _fall(height, settings.sigma)[:, None] * _fall(width, settings.sigma)
    return np.repeat(heat[None].astype(np.float32), n, axis=0)


def _fall(size: int, sigma: float) -> Float64[np.ndarray, " size"]:
    distance = (np.arange(size) + 0.5) / size - 0.5
    return np.asarray(np.exp(-((distance / sigma) ** 2) / 2))


CENTRE = Method(
    name="centre",
    make=make_centre,
    words="always the middle of the image",
    source="",
    settings=CentreSettings,
    is_baseline=True,
)
