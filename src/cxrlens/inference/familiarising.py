"""Decoded images become the statistics by which a bundle knows what is unlike them.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int

from cxrlens.inference.familiarity import (
    Familiarity,
    check_counts,
    fit_familiarity,
)
from cxrlens.inference.feature_engine import FeatureTable, open_feature_engine
from cxrlens.inference.fixed_batches import MANY
from cxrlens.inference.preparation import PreparedTable
from cxrlens.network import MapClassifier
from cxrlens.vocabulary import USUAL_LIMIT, ClassIndices, Progress, number_patients

MOST_KEPT = 2000
"""Images of either kind: enough for a p-value of 0.0005, and a few megabytes of features."""

Rows = Int[np.ndarray, " _"]
"""Numbers of rows of a table."""

_TASK = "learn what is familiar"


@dataclass(frozen=True, eq=False)
class FamiliarRows:
    """Which rows of a table say what is familiar."""

    bank: Rows
    """Those that the network was trained on, or some of them."""

    calibrating: Rows
    """Others, that it was not trained on."""

    calibrated_on: str
    """What these are, in words."""


def draw_familiar_rows(prepared: PreparedTable, rows: FamiliarRows, seed: int) -> FamiliarRows:
    """Draw at most `MOST_KEPT` rows of either kind, first one of each patient, then others.

    Args:
        prepared: decoded.
        rows: to draw from; copies of images that the network was trained on, to the byte, do not
            calibrate.
        seed: of the draw.

    Raises:
        TableError: if there are too few of either.
    """
    digests = prepared.images.digests
    known = {digests[row] for row in rows.bank.tolist()}
    # A copy of a training image under another name is nearer than any other image would be.
    is_other = [digests[row] not in known for row in rows.calibrating.tolist()]
    others = rows.calibrating[np.array(is_other, dtype=bool)]
    check_counts(len(rows.bank), len(others))
    clusters = number_patients(tuple(prepared.table.frame["patient_id"]))
    chance = np.random.default_rng(seed)
    bank, calibrating = (_draw(one, clusters, chance) for one in (rows.bank, others))
    return replace(rows, bank=bank, calibrating=calibrating)


def familiarise(
    network: MapClassifier,
    prepared: PreparedTable,
    rows: FamiliarRows,
    progress: Progress,
    limit: float = USUAL_LIMIT,
) -> Familiarity:
    """Run a network over training images and others, and keep what tells a strange image.

    Args:
        network: as its bundle will hold it; is put in eval mode.
        prepared: decoded for it.
        rows: as `draw_familiar_rows` gives them.
        progress: is told of every batch.
        limit: as for `fit_familiarity`, which raises what this raises.

    Raises:
        InputError: if the GPU has too little memory.
    """
    both, n = np.concatenate([rows.bank, rows.calibrating]), len(rows.bank)
    features = measure_features(network, prepared.images.pixels, both, progress)
    digests = [prepared.images.digests[row] for row in both.tolist()]
    return fit_familiarity(features[:n], features[n:], digests, rows.calibrated_on, limit)


def measure_features(
    network: MapClassifier, pixels: np.ndarray, rows: Rows, progress: Progress
) -> FeatureTable:
    """Compute the pooled features of decoded images, in float32.

    Args:
        network: on any device; is put in eval mode.
        pixels: images x H x W, 0 to 65535; may be mapped from a file.
        rows: which of them, one at least.
        progress: is told of every batch.

    Raises:
        InputError: if the GPU has too little memory.
    """
    network.eval()
    device = next(network.parameters()).device
    size = (pixels.shape[1], pixels.shape[2])
    engine = open_feature_engine(network, size, "float32", len(rows))
    parts = []
    for start in range(0, len(rows), MANY):
        chosen = rows[start : start + MANY]
        batch = torch.from_numpy(pixels[chosen].astype(np.float32) / 65535)[:, None]
        parts.append(engine.run(batch.to(device)))
        progress.advance(_TASK, min(start + MANY, len(rows)), len(rows))
    return np.concatenate(parts)


def _draw(rows: Rows, clusters: ClassIndices, chance: np.random.Generator) -> Rows:
    """Draw rows, first one of each patient, and give them in ascending order."""
    order = chance.permutation(rows)
    _, first = np.unique(clusters[order], return_index=True)
    is_first = np.isin(np.arange(len(order)), first)
    return np.sort(np.concatenate([order[is_first], order[~is_first]])[:MOST_KEPT])
