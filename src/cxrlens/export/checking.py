"""Does an exported model answer as the model that it was made from?

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrlens.export.exported import Answer, Runtime, open_exported
from cxrlens.model import Model
from cxrlens.vocabulary import GreyImage, InputError, Prediction, Progress, Refusal

MAX_PROBABILITY_GAP = 1e-3
"""Largest difference of a probability that passes."""

MAX_MAP_GAP = 1e-3
"""Largest difference of a map that passes, as a share of the largest |value| of all maps of the
image."""


@dataclass(frozen=True)
class Parity:
    """How far the answers of one runtime lie from ours, over all images."""

    runtime: Runtime
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
        """Whether every decision is the same, and probabilities and maps are within the bounds."""
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

    Returns:
        One parity a runtime.

    Raises:
        InputError: if no image can be read, or a runtime refuses the file.
    """
    # The graph is given all pixels: the same must be compared.
    record = model.bundle.record
    record = replace(record, preprocessing=replace(record.preprocessing, decoding="full"))
    whole = Model(replace(model.bundle, record=record), model.engine)
    runners = [open_exported(path, runtime) for runtime in runtimes]
    gaps: list[list[_Gap]] = []
    refusals = []
    for done, (prediction, radiograph) in enumerate(whole.read_many(images), start=1):
        if radiograph is None or prediction.refusal is not None:
            refusals += [prediction.refusal] if prediction.refusal is not None else []
        else:
            gaps.append([_compare(prediction, radiograph.pixels, run) for run in runners])
        progress.advance("check", done, len(images))
    if not gaps:
        first = refusals[0].message if refusals else "there is none"
        raise InputError(f"no image to check the export with: {first}")
    parities = [
        _join(runtime, column)
        for runtime, column in zip(runtimes, zip(*gaps, strict=True), strict=True)
    ]
    return ExportCheck(tuple(parities), tuple(refusals))


@dataclass(frozen=True)
class _Gap:
    """The same for one image."""

    is_alike: bool
    logit: float
    probability: float
    map: float


def _compare(prediction: Prediction, grey: GreyImage, run: Callable[[GreyImage], Answer]) -> _Gap:
    theirs = run(grey)
    ours = np.stack([heatmap.grid for heatmap in prediction.heatmaps])
    deciding = prediction.calibrated or prediction.probabilities
    decided = [name in prediction.decisions for name in prediction.classes]
    flagged = [name in prediction.flagged for name in prediction.classes]
    return _Gap(
        theirs["decisions"][0].tolist() == decided and theirs["flags"][0].tolist() == flagged,
        _measure(theirs["logits"][0], np.array(prediction.logits)),
        _measure(theirs["probabilities"][0], np.array(deciding)),
        _measure(theirs["maps"][0], ours) / max(float(np.abs(ours).max()), 1e-12),
    )


def _measure(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.float64) - other).max())


def _join(runtime: Runtime, gaps: Sequence[_Gap]) -> Parity:
    # `max` of Python would lose a NaN; NumPy's keeps it, and it passes no bound.
    return Parity(
        runtime,
        len(gaps),
        sum(gap.is_alike for gap in gaps),
        float(np.max([gap.logit for gap in gaps])),
        float(np.max([gap.probability for gap in gaps])),
        float(np.max([gap.map for gap in gaps])),
    )
