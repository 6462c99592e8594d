"""SmoothGrad: how much the logit hangs on each pixel, averaged over noise.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from cxrlens.explanation.blank import blank_maps
from cxrlens.explanation.method import MAX_SEED, Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine

_COPIES_AT_ONCE = 8
"""Few: a gradient needs the memory of all activations."""


@dataclass(frozen=True)
class SmoothgradSettings:
    """Of the noise; it is the same for every image."""

    n_samples: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Noisy copies of an image, at most 10,000."""

    sigma: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.15
    """Of the Gaussian noise, as a share of the image's own range, at most all of it (1)."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    """Another draws other noise. At most 4,294,967,295."""


def make_smoothgrad(engine: TorchEngine, question: Question, settings: SmoothgradSettings) -> Maps:
    """Average the gradient of the logit over noisy copies of each image.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: of the noise.

    Returns:
        N x H x W of the network's input, not negative: the size of the mean gradient, logit per
        grey level. Its sign would say whether lighter or darker raises the logit, not whether
        the pixel speaks for the class.

    Source: Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", section 3.
    """
    from captum.attr import NoiseTunnel, Saliency  # noqa: PLC0415 (slow)

    saliency = Saliency(lambda images: engine.network(images).logits)
    maps = np.empty_like(question.pixels)
    devices = [engine.device] if engine.device.type == "cuda" else []
    for i, target in enumerate(question.targets.tolist()):
        image_alone = question.pixels[i : i + 1]
        with engine.differentiate(image_alone) as image, torch.random.fork_rng(devices):
            torch.manual_seed(settings.seed)
            gradient = NoiseTunnel(saliency).attribute(
                image.requires_grad_(),
                nt_type="smoothgrad",
                nt_samples=settings.n_samples,
                nt_samples_batch_size=min(_COPIES_AT_ONCE, settings.n_samples),
                stdevs=settings.sigma * float(np.ptp(image_alone)),
                target=target,
                abs=False,
            )
            maps[i] = gradient[0, 0].abs().cpu().numpy()
    return blank_maps(maps, question.pick(engine.run(question.pixels).logits))


SMOOTHGRAD = Method(
    name="smoothgrad",
    make=make_smoothgrad,
    words="how much the logit hangs on each pixel, averaged over noise",
    source="Smilkov et al. 2017, SmoothGrad: removing noise by adding noise",
    settings=SmoothgradSettings,
)
