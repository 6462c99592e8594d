"""What the engine says of images becomes answers.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from scipy.special import expit, softmax

from cxrlens.explanation import find_many_regions, make_heatmaps
from cxrlens.imaging import ReadImage, stream
from cxrlens.inference import Bundle, FeatureTable, ImageBatch, TorchEngine
from cxrlens.vocabulary import Geometry, ImageWarning, Prediction, Refusal, Unfamiliarity

BATCH = 16
"""Decoded images that an engine is given at once, where they are small enough: what it was compiled
for (`inference.fixed_batches`)."""

BATCH_PIXELS = 8_000_000
"""Pixels of network inputs that an engine is given at once, unless a single image has more."""

AHEAD = 2
"""Batches of files that are read ahead: one goes through the engine, the other is decoded."""

PathLike = str | os.PathLike[str]
"""Where a file or folder is."""

Answered = tuple[Prediction, ReadImage | None]
"""The answer for a file, and what the network saw; nothing where it was refused."""

Named = tuple[str, tuple[ImageWarning, ...]]
"""An image as it was named, and what was found while it was read."""


def choose_batch(bundle: Bundle) -> int:
    """Give the number of images that go through a bundle's network at once."""
    step = bundle.record.preprocessing
    return max(1, min(BATCH, BATCH_PIXELS // (step.height * step.width)))


def answer_files(
    bundle: Bundle, engine: TorchEngine, paths: Iterable[PathLike], n: int
) -> Iterator[list[Answered]]:
    """Answer for files, so many at a time, while others are read ahead.

    Args:
        bundle: what was trained.
        engine: that runs its network.
        paths: image files; taken from one by one.
        n: how many go through the engine together.

    Yields:
        The answers of a batch, in order.
    """
    names = (os.fspath(path) for path in paths)
    found = stream(names, bundle.record.preprocessing, ahead=AHEAD * n)
    while batch := list(islice(found, n)):
        read = [one for one in batch if isinstance(one, ReadImage)]
        answers = iter(_answer_read(bundle, engine, read) if read else ())
        yield [
            (next(answers), one)
            if isinstance(one, ReadImage)
            else (refuse(bundle, engine, one), None)
            for one in batch
        ]


def _answer_read(
    bundle: Bundle, engine: TorchEngine, read: Sequence[ReadImage]
) -> list[Prediction]:
    pixels = np.stack([image.pixels for image in read])
    named = [(image.image, image.warnings) for image in read]
    return answer_pixels(bundle, engine, named, pixels, [image.geometry for image in read])


def answer_pixels(
    bundle: Bundle,
    engine: TorchEngine,
    named: Sequence[Named],
    pixels: ImageBatch,
    geometries: Sequence[Geometry],
) -> list[Prediction]:
    """Answer for images at the network's size.

    Args:
        bundle: what was trained.
        engine: that runs its network.
        named: the images' names and warnings.
        pixels: N x H x W in [0, 1], N from 1.
        geometries: how each lies on its source image.

    Returns:
        One answer an image.
    """
    output = engine.run(pixels)
    record, classes = bundle.record, bundle.record.classes
    is_multilabel, point = record.is_multilabel, record.operating_point
    logits = output.logits.astype(np.float64)
    probabilities = expit(logits) if is_multilabel else softmax(logits, axis=1)
    fitted = record.calibration
    calibrated = None if fitted is None else fitted.scaling.apply(logits)
    deciding = probabilities if calibrated is None else calibrated
    decided = point.decide(classes, deciding, is_multilabel=is_multilabel)
    flagged = point.flag(classes, deciding)
    # Where none is decided for, the likeliest of all leads.
    passed = decided | ~decided.any(axis=1, keepdims=True)
    leading = np.argmax(np.where(passed, deciding, -np.inf), axis=1).tolist()
    heatmaps = [
        make_heatmaps(maps, classes, geometry)
        for maps, geometry in zip(output.maps, geometries, strict=True)
    ]
    regions = find_many_regions([own[at] for own, at in zip(heatmaps, leading, strict=True)])
    strange = _judge_familiarity(bundle, output.features)
    words = _name_engine(engine)
    return [
        Prediction(
            image=name,
            bundle_digest=record.digest,
            engine=words,
            classes=classes,
            operating_point=point,
            logits=tuple(output.logits[i].tolist()),
            probabilities=tuple(probabilities[i].tolist()),
            calibrated=() if calibrated is None else tuple(calibrated[i].tolist()),
            decision=classes[leading[i]] if decided[i].any() else None,
            is_multilabel=is_multilabel,
            decisions=tuple(classes[index] for index in np.flatnonzero(decided[i])),
            flagged=tuple(classes[index] for index in np.flatnonzero(flagged[i])),
            heatmaps=heatmaps[i],
            regions=regions[i],
            warnings=(*warnings, *strange[i][1]),
            unfamiliarity=strange[i][0],
            brightness=float(pixels[i].mean()),
            features=output.features[i],
        )
        for i, (name, warnings) in enumerate(named)
    ]


def refuse(bundle: Bundle, engine: TorchEngine, refusal: Refusal) -> Prediction:
    """Word the answer for a file that cannot be used.

    Args:
        bundle: what was trained.
        engine: that would have run.
        refusal: why not.
    """
    return Prediction(
        image=refusal.image,
        bundle_digest=bundle.record.digest,
        engine=_name_engine(engine),
        classes=bundle.record.classes,
        operating_point=bundle.record.operating_point,
        is_multilabel=bundle.record.is_multilabel,
        refusal=refusal,
    )


def _judge_familiarity(
    bundle: Bundle, features: FeatureTable
) -> list[tuple[Unfamiliarity | None, tuple[ImageWarning, ...]]]:
    """Say how unlike the training images each image is, and what to be warned of."""
    known = bundle.familiarity
    if known is None:
        return [(None, ())] * len(features)
    judged = known.judge(features)
    warnings = map(known.warn, judged)
    return [(one, () if w is None else (w,)) for one, w in zip(judged, warnings, strict=True)]


def _name_engine(engine: TorchEngine) -> str:
    return f"{engine.name}, {engine.precision}"
