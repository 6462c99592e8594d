"""Occlusion: what the logit loses where a patch covers the image.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field
from scipy import ndimage

from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.explanation.variants import score_variants
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage, InputError

_Count = Annotated[int, Field(ge=1)]

_Fill = Annotated[
    Literal[0, "mean", "blur"], BeforeValidator(lambda value: 0 if value == "0" else value)
]


@dataclass(frozen=True)
class OcclusionSettings:
    """Of the patch that is moved over the image."""

    patch: _Count = 32
    """Its side, in pixels of the network's input."""

    stride: _Count = 16
    """By how far it is moved, in the same pixels; not more than its side."""

    fill: _Fill = "mean"
    """What it is filled with: 0 (black), `mean` (of the image), or `blur` (the image itself,
    blurred by a Gaussian of half the patch's side, so that nothing of the patch's size is left)."""

    def __post_init__(self) -> None:
        if self.stride > self.patch:
            raise InputError(
                f"setting stride={self.stride} of method 'occlusion' is larger than the "
                f"patch={self.patch}, so that parts of the image would never be covered"
            )


def make_occlusion(engine: TorchEngine, question: Question, settings: OcclusionSettings) -> Maps:
    """Move a patch over each image, and see by how much the class's logit drops.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: of the patch.

    Returns:
        N x H x W of the network's input, signed, in units of the logit: the drop, averaged over
        all patches that cover a pixel. At the lower and right edge patches may be cut off.

    Raises:
        InputError: if the patch is larger than the images.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", 4.2.
    """
    height, width = question.pixels.shape[1:]
    if settings.patch > min(height, width):
        raise InputError(
            f"setting patch={settings.patch} of method 'occlusion' is larger than the network's "
            f"input of {height} x {width}; give a smaller one"
        )
    patches = [
        (rows, cols)
        for rows in _list_spans(height, settings)
        for cols in _list_spans(width, settings)
    ]
    whole = question.pick(engine.run(question.pixels).logits)
    maps = np.empty_like(question.pixels)
    for i, (image, target) in enumerate(zip(question.pixels, question.targets, strict=True)):
        filling = _fill(image, settings)

        def cover(copy: GreyImage, number: int, filling: GreyImage = filling) -> None:
            copy[patches[number]] = filling[patches[number]]

        covered = score_variants(engine, image, int(target), len(patches), cover)
        drops, counts = np.zeros((height, width)), np.zeros((height, width))
        for patch, score in zip(patches, covered, strict=True):
            drops[patch] += whole[i] - score
            counts[patch] += 1
        maps[i] = drops / counts
    return maps


def _list_spans(size: int, settings: OcclusionSettings) -> list[slice]:
    """Where the patch lies along an axis: the last one is the first that reaches the edge."""
    last = -(-(size - settings.patch) // settings.stride) * settings.stride
    starts = range(0, last + 1, settings.stride)
    return [slice(start, min(start + settings.patch, size)) for start in starts]


def _fill(image: GreyImage, settings: OcclusionSettings) -> GreyImage:
    if settings.fill == "blur":
        return ndimage.gaussian_filter(image, settings.patch / 2)
    return np.full_like(image, image.mean() if settings.fill == "mean" else 0)


OCCLUSION = Method(
    name="occlusion",
    make=make_occlusion,
    words="what the logit loses where a patch covers the image",
    source="Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks",
    settings=OcclusionSettings,
    is_signed=True,
)
"""Slow and plain: needs nothing of the network but its answers."""
