"""Does an exported model answer as the model that it was made from?

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np

from cxrlens.export.exported import Answer, Runtime, open_exported
from cxrlens.inference import MIN_ALIKE
from cxrlens.model import Model
from cxrlens.vocabulary import InputError, Prediction, Progress, Refusal

MAX_PROBABILITY_GAP = 1e-3
"""Largest difference of a probability that passes."""

MAX_MAP_GAP = 1e-3
"""Largest difference of a map that passes, as a share of the largest |value| of all maps of the
image."""


Double = Runtime | Literal["int8"]
"""What is held against the model: its exported file in a runtime, or its int8 network."""


@dataclass(frozen=True)
class Parity:
    """How far the answers of one runtime lie from ours, over all images."""

    runtime: Double
    """Which."""

    n_images: int
    """Images answered for by both."""

    n_decided_alike: int
    """Images with the same decisions and flags for every class."""

    logit_gap: float
    """Largest |difference| of a logit."""

    probability_gap: float
    """Largest |difference| of a probability that decides."""

    map_gap: float
    """Largest |difference| of a map's value, as a share of the largest |value| of the image's."""

    @property
    def has_passed(self) -> bool:
        """Whether every decision is the same, and probabilities and maps are within the bounds.

        Of int8 as many decisions as `quantise` asks for must be the same; of few images all but
        one.
        """
        if self.runtime == "int8":
            is_finite = np.isfinite([self.logit_gap, self.probability_gap, self.map_gap]).all()
            most = max(1, (1 - MIN_ALIKE) * self.n_images)
            return bool(is_finite) and self.n_images - self.n_decided_alike <= most
        is_near = self.probability_gap <= MAX_PROBABILITY_GAP and self.map_gap <= MAX_MAP_GAP
        return is_near and self.n_decided_alike == self.n_images


@dataclass(frozen=True)
class ExportCheck:
    """What comparing an exported model with its bundle came to."""

    parities: tuple[Parity, ...]
    """One a runtime."""

    refusals: tuple[Refusal, ...]
    """Images that could not be read."""

    @property
    def has_passed(self) -> bool:
        """Whether every runtime passes."""
        return all(parity.has_passed for parity in self.parities)


def check_export(
    model: Model,
    path: Path,
    images: Sequence[str],
    runtimes: Sequence[Runtime],
    progress: Progress,
    int8: Model | None = None,
) -> ExportCheck:
    """Compare an exported model with the model that it was made from, on files.

    Ours reads and resamples as it always does; the exported graph gets the grey image at its own
    size.

    Args:
        model: made of the bundle that was exported.
        path: the exported file.
        images: image files.
        runtimes: what to run it in.
        progress: is told of every image.
        int8: the model with its int8 network, to be held against it as well.

    Returns:
        One parity a runtime, and the int8 network's.

    Raises:
        InputError: if no image can be read, or a runtime refuses the file.
    """
    runners = [open_exported(path, runtime) for runtime in runtimes]
    gaps: list[list[_Gap]] = []
    refusals = []
    asked = zip(_decode_whole(model).read_many(images), _answer_int8(int8, images), strict=True)
    for done, ((prediction, radiograph), quick) in enumerate(asked, start=1):
        refusal = prediction.refusal or (None if quick is None else quick.refusal)
        if radiograph is None or refusal is not None:
            refusals += [refusal] if refusal is not None else []
        else:
            row = [_compare(prediction, run(radiograph.pixels)) for run in runners]
            row += [] if quick is None else [_compare(prediction, _tell_outputs(quick))]
            gaps.append(row)
        progress.advance("check", done, len(images))
    if not gaps:
        first = refusals[0].message if refusals else "there is none"
        raise InputError(f"no image to check the export with: {first}")
    doubles: list[Double] = [*runtimes]
    if int8 is not None:
        doubles.append("int8")
    parities = [
        _join(double, column)
        for double, column in zip(doubles, zip(*gaps, strict=True), strict=True)
    ]
    return ExportCheck(tuple(parities), tuple(refusals))


def _decode_whole(model: Model) -> Model:
    """The graph is given all pixels: the same must be compared."""
    record = model.bundle.record
    record = replace(record, preprocessing=replace(record.preprocessing, decoding="full"))
    return Model(replace(model.bundle, record=record), model.engine)


def _answer_int8(int8: Model | None, images: Sequence[str]) -> Iterator[Prediction | None]:
    if int8 is None:
        return repeat(None, len(images))
    return _decode_whole(int8).predict_many(images)


def _tell_outputs(prediction: Prediction) -> Answer:
    """Give an answer of ours as an exported graph gives it."""
    classes = prediction.classes
    return {
        "decisions": np.array([[name in prediction.decisions for name in classes]]),
        "flags": np.array([[name in prediction.flagged for name in classes]]),
        "logits": np.array([prediction.logits]),
        "probabilities": np.array([prediction.deciding]),
        "maps": np.stack([heatmap.grid for heatmap in prediction.heatmaps])[None],
    }


@dataclass(frozen=True)
class _Gap:
    """The same for one image."""

    is_alike: bool
    logit: float
    probability: float
    map: float


def _compare(prediction: Prediction, theirs: Answer) -> _Gap:
    ours = _tell_outputs(prediction)
    logit, probability, gap = (
        float(np.abs(theirs[name][0].astype(np.float64) - ours[name][0]).max())
        for name in ("logits", "probabilities", "maps")
    )
    return _Gap(
        all(np.array_equal(theirs[name][0], ours[name][0]) for name in ("decisions", "flags")),
        logit,
        probability,
        gap / max(float(np.abs(ours["maps"]).max()), 1e-12),
    )


def _join(runtime: Double, gaps: Sequence[_Gap]) -> Parity:
    # `max` of Python would lose a NaN; NumPy's keeps it, and it passes no bound.
    return Parity(
        runtime,
        len(gaps),
        sum(gap.is_alike for gap in gaps),
        float(np.max([gap.logit for gap in gaps])),
        float(np.max([gap.probability for gap in gaps])),
        float(np.max([gap.map for gap in gaps])),
    )
