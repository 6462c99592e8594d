"""LIME: pieces of an image are hidden at random, and a linear model says what each is worth.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float64

from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.explanation.sampling import Samples, draw_samples
from cxrlens.explanation.stability import estimate_stability
from cxrlens.explanation.superpixels import segment
from cxrlens.explanation.surrogate import Surrogate, fit_surrogate, weigh_samples
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import (
    ClassIndices,
    Geometry,
    GreyImage,
    InputError,
    LimeExplanation,
    LimeSettings,
    suggest,
)  # fmt: skip

CHECK_EVERY = 128
"""Samples between two looks at whether the answer has settled."""

DEFAULTS = LimeSettings()
"""How LIME asks where nothing else is said."""


class _Finding(NamedTuple):
    samples: Samples
    chosen: ClassIndices
    surrogate: Surrogate
    stability: Float64[np.ndarray, " k"]


def explain_lime(
    engine: TorchEngine,
    pixels: GreyImage,
    classes: Sequence[str],
    settings: LimeSettings = DEFAULTS,
    *,
    targets: Sequence[str] | None = None,
    is_multilabel: bool = False,
) -> LimeExplanation:
    """Say what each piece of an image adds to the probabilities.

    Args:
        engine: runs the network.
        pixels: height x width in [0, 1], at the network's input size, made by its own
            preprocessing.
        classes: of the network, in order.
        settings: how it is asked.
        targets: the classes to explain; None takes the likeliest `top_labels`.
        is_multilabel: whether each class has a sigmoid of its own; else one softmax over all.

    Returns:
        Pieces, weights and how far they may be believed. `pixels` stand for the source image:
        replace the geometry by that of the real one.

    Raises:
        InputError: if a target is unknown, or the network's answers are not finite.

    Source: Ribeiro et al. 2016, "Why Should I Trust You? Explaining the Predictions of Any
    Classifier".
    """
    asked = None if targets is None else _find_targets(targets, classes)
    pieces = segment(pixels, settings.segments, settings.n_segments)
    parts = draw_samples(engine, pixels, pieces, settings, is_multilabel=is_multilabel)
    found = _fit(parts, settings, asked)
    height, width = pixels.shape
    return LimeExplanation(
        segments=pieces,
        geometry=Geometry((height, width), (height, width), 0.0, 0.0, float(height), float(width)),
        classes=tuple(classes[index] for index in found.chosen),
        weights=found.surrogate.weights,
        intercepts=found.surrogate.intercepts,
        probabilities=found.samples.scores[0, found.chosen],
        r2=found.surrogate.r2,
        stability=found.stability,
        n_samples=len(found.samples.kept),
        settings=settings,
    )


def make_lime(engine: TorchEngine, question: Question, settings: LimeSettings) -> Maps:
    """Paint the weights of the class that is asked about on the pieces of each image.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: how it is asked; `top_labels` does not matter here.

    Returns:
        N x height x width of the network's input, signed, in units of the probability; NaN where
        the network gives no number.
    """
    maps = np.full(question.pixels.shape, np.nan, dtype=np.float32)
    is_number = np.isfinite(engine.run(question.pixels).logits).all(axis=1)
    for number in np.flatnonzero(is_number).tolist():
        pixels, target = question.pixels[number], question.targets[number]
        pieces = segment(pixels, settings.segments, settings.n_segments)
        parts = draw_samples(engine, pixels, pieces, settings, is_multilabel=question.is_multilabel)
        maps[number] = _fit(parts, settings, np.array([target])).surrogate.weights[0][pieces]
    return maps


def _fit(parts: Iterable[Samples], settings: LimeSettings, asked: ClassIndices | None) -> _Finding:
    """Take samples until the answer has settled or all are drawn."""
    taken: list[Samples] = []
    for part in parts:
        taken.append(part)
        n_taken = sum(len(one.kept) for one in taken)
        if n_taken < settings.n_samples and (n_taken % CHECK_EVERY or settings.stop_at == 1):
            continue
        samples = Samples(*(np.concatenate(fields) for fields in zip(*taken, strict=True)))
        chosen = _choose_likeliest(samples, settings.top_labels) if asked is None else asked
        scores, say = samples.scores[:, chosen], weigh_samples(samples.kept, settings.kernel_width)
        stability = estimate_stability(samples.kept, scores, say, settings.alpha)
        # Where there is nothing to rank, more samples bring nothing.
        if not (stability <= settings.stop_at).any():
            break
    surrogate = fit_surrogate(samples.kept, scores, say, settings.alpha)
    return _Finding(samples, chosen, surrogate, stability)


def _choose_likeliest(samples: Samples, n: int) -> ClassIndices:
    """The classes that the network gives the whole image the highest probabilities."""
    return np.argsort(-samples.scores[0], kind="stable")[:n]


def _find_targets(targets: Sequence[str], classes: Sequence[str]) -> ClassIndices:
    for name in targets:
        if name not in classes:
            raise InputError(f"unknown target {name!r}; {suggest(name, classes)}")
    return np.array([classes.index(name) for name in targets], dtype=np.int64)


LIME = Method(
    name="lime",
    make=make_lime,
    words="what showing each piece of the image adds to the probability",
    source="Ribeiro et al. 2016, Why Should I Trust You",
    settings=LimeSettings,
    is_signed=True,
)
"""Slow, and only as good as its linear stand-in: look at `LimeExplanation.r2`."""


def read_lime_settings(options: Mapping[str, object]) -> LimeSettings:
    """Make settings of named values, as for any other method.

    Args:
        options: values of the settings' fields, as numbers or as words that stand for them.

    Raises:
        InputError: if there is no such setting, or not that value.
    """
    return cast(LimeSettings, LIME.read_settings(options))
