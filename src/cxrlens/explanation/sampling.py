"""The network answers for images of which pieces are hidden.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax

from cxrlens.explanation.hiding import hide_all
from cxrlens.explanation.surrogate import Kept, SampleScores
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage, InputError, LimeSettings, Segments

BATCH = 64
"""Samples that the network is given at once."""


class Samples(NamedTuple):
    """Images with hidden pieces, and the network's answers."""

    kept: Kept
    """Which pieces each shows."""

    scores: SampleScores
    """The probability of each class."""


def draw_samples(
    engine: TorchEngine,
    pixels: GreyImage,
    segments: Segments,
    settings: LimeSettings,
    *,
    is_multilabel: bool,
) -> Iterator[Samples]:
    """Hide each piece with probability ½, and ask the network.

    Args:
        engine: runs the network.
        pixels: height x width in [0, 1], at the network's input size.
        segments: its pieces.
        settings: how many samples, which seed, and what a hidden pixel shows.
        is_multilabel: whether each class has a sigmoid of its own; else one softmax over all.

    Yields:
        `BATCH` samples at a time, `n_samples` in all; the very first is the whole image. Fewer
        samples of one seed are the first of more.

    Raises:
        InputError: if an answer is not finite.
    """
    rng = np.random.default_rng(settings.seed)
    kept = rng.random((settings.n_samples, int(segments.max()) + 1)) < 0.5
    kept[0] = True
    hidden = hide_all(pixels, segments, settings.hide_color)
    buffer = np.empty((BATCH, *pixels.shape), dtype=np.float32)
    for start in range(0, len(kept), BATCH):
        part = kept[start : start + BATCH]
        images = buffer[: len(part)]
        np.copyto(images, hidden)
        np.copyto(images, pixels, where=part[:, segments])
        logits = engine.run(images).logits.astype(np.float64)
        if not np.isfinite(logits).all():
            odd = logits[~np.isfinite(logits)][0]
            raise InputError(
                f"the network answers {odd} for this image, which LIME cannot explain; its "
                "weights are damaged: train it again or load another"
            )
        yield Samples(part, expit(logits) if is_multilabel else softmax(logits, axis=1))
