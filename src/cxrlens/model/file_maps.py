"""Files become maps by any method, and LIME's weights.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from cxrlens.explanation import (
    METHODS,
    Method,
    Question,
    explain_lime,
    make_heatmaps,
    read_lime_settings,
)
from cxrlens.imaging import ReadImage, stream
from cxrlens.inference import Bundle, ImageBatch, TorchEngine
from cxrlens.model.answers import Answered, PathLike, answer_files, choose_batch
from cxrlens.vocabulary import Geometry, Heatmap, InputError, LimeExplanation, Prediction, Refusal

MAP_BATCH = 8
"""Images that are explained at once: methods hold much more than the image."""


def map_files(
    bundle: Bundle,
    engine: TorchEngine,
    images: Iterable[PathLike],
    methods: Sequence[tuple[Method, object]],
    target: str | None,
) -> Iterator[tuple[Answered, tuple[Heatmap, ...]]]:
    """Answer for files and make their maps.

    Args:
        bundle: what was trained.
        engine: that runs its network.
        images: image files; taken from one by one.
        methods: each with its settings.
        target: one of the classes; None takes the leading one of each image.

    Yields:
        For every file, in order, its answer and a map a method; none where it was refused.
    """
    is_cheap = all(method is METHODS["cam"] for method, _ in methods)
    n = choose_batch(bundle) if is_cheap else MAP_BATCH
    for batch in answer_files(bundle, engine, images, n):
        read = [(answer, one) for answer, one in batch if one is not None]
        maps: Iterator[tuple[Heatmap, ...]] = iter([()] * len(read))
        if read and methods:
            maps = zip(
                *(_map_read(bundle, engine, read, target, one) for one in methods), strict=True
            )
        for answer, one in batch:
            yield (answer, one), () if one is None else next(maps)


def _map_read(
    bundle: Bundle,
    engine: TorchEngine,
    read: Sequence[tuple[Prediction, ReadImage]],
    target: str | None,
    asked: tuple[Method, object],
) -> tuple[Heatmap, ...]:
    targets = [target or str(answer.leading) for answer, _ in read]
    if asked[0] is METHODS["cam"] and np.isfinite([answer.logits for answer, _ in read]).all():
        # It came out of the same run as the answer.
        return tuple(
            answer.heatmaps[answer.classes.index(name)]
            for (answer, _), name in zip(read, targets, strict=True)
        )
    pixels = np.stack([one.pixels for _, one in read])
    return map_pixels(bundle, engine, pixels, targets, [one.geometry for _, one in read], asked)


def map_pixels(
    bundle: Bundle,
    engine: TorchEngine,
    pixels: ImageBatch,
    targets: Sequence[str],
    geometries: Sequence[Geometry],
    asked: tuple[Method, object],
) -> tuple[Heatmap, ...]:
    """Make the maps of images that were preprocessed for the network.

    Args:
        bundle: what was trained.
        engine: that runs a network with its classes.
        pixels: N x H x W in [0, 1], at the network's input size.
        targets: the class that is asked about, one an image.
        geometries: how each lies on its source image.
        asked: one of `explanation.METHODS`, with settings as its `read_settings` gives them.

    Returns:
        One map an image.
    """
    (method, settings), classes = asked, bundle.record.classes
    indices = np.array([classes.index(name) for name in targets], dtype=np.int64)
    question = Question(pixels, indices, bundle.record.is_multilabel)
    maps = method.make(engine, question, settings)
    return tuple(
        make_heatmaps(grid[None], [name], geometry, method=method.name)[0]
        for grid, name, geometry in zip(maps, targets, geometries, strict=True)
    )


def weigh_pieces(
    bundle: Bundle,
    engine: TorchEngine,
    image: PathLike,
    targets: Sequence[str] | None,
    options: dict[str, object],
) -> LimeExplanation:
    """Say by LIME what each piece of a file's image adds to the probabilities.

    Args:
        bundle: what was trained.
        engine: that runs its network.
        image: an image file.
        targets: classes; None takes the likeliest.
        options: fields of `explanation.LimeSettings`.

    Returns:
        Pieces and weights, tied to the source image.

    Raises:
        InputError: as `Model.explain_lime`.
    """
    settings = read_lime_settings(options)
    read = next(iter(stream([os.fspath(image)], bundle.record.preprocessing)))
    if isinstance(read, Refusal):
        raise InputError(read.message)
    found = explain_lime(
        engine, read.pixels, bundle.record.classes, settings,
        targets=targets, is_multilabel=bundle.record.is_multilabel,
    )  # fmt: skip
    return replace(found, geometry=read.geometry)
