"""Integrated gradients: the way from a blank image to this one, pixel by pixel.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from cxrlens.explanation.blank import blank_maps
from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine

_STEPS_AT_ONCE = 8
"""Few: a gradient needs the memory of all activations."""


@dataclass(frozen=True)
class IntegratedGradientsSettings:
    """Of the way that is integrated over."""

    baseline: Literal["black", "mean"] = "black"
    """Where it begins: an image that is black, or one of this image's mean."""

    n_steps: Annotated[int, Field(ge=1)] = 50
    """Points on it (Gauss-Legendre), and so how often the network runs, forward and back."""


def make_integrated_gradients(
    engine: TorchEngine, question: Question, settings: IntegratedGradientsSettings
) -> Maps:
    """Integrate the gradient from a blank image to each image.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: of the way.

    Returns:
        N x H x W of the network's input, signed, in units of the logit. A map's sum is the logit
        of the image less that of the blank one; by how much it misses that is the error of the
        integration.

    Source: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", eq. 1 and 3.
    """
    from captum.attr import IntegratedGradients  # noqa: PLC0415 (slow)

    integration = IntegratedGradients(lambda images: engine.network(images).logits)
    maps = np.empty_like(question.pixels)
    for i, target in enumerate(question.targets.tolist()):
        with engine.differentiate(question.pixels[i : i + 1]) as image:
            start = image.mean() if settings.baseline == "mean" else 0
            attribution = integration.attribute(
                image,
                torch.zeros_like(image) + start,
                target=target,
                n_steps=settings.n_steps,
                internal_batch_size=_STEPS_AT_ONCE,
            )
            maps[i] = attribution[0, 0].detach().cpu().numpy()
    return blank_maps(maps, question.pick(engine.run(question.pixels).logits))


INTEGRATED_GRADIENTS = Method(
    name="integrated-gradients",
    make=make_integrated_gradients,
    words="each pixel's part of the way from the logit of a blank image to that of this one",
    source="Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks",
    settings=IntegratedGradientsSettings,
    is_signed=True,
)
"""Fine-grained and noisy: black pixels have no part where the blank image is black."""
