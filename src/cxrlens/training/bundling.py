"""A recipe and a split table become a bundle.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cxrlens.data import fingerprint
from cxrlens.inference import Bundle, BundleRecord, PreparedTable, TrainingData, save_bundle
from cxrlens.network import MapClassifier, build_classifier, load_backbone_weights
from cxrlens.training.loop import TrainingCases, fit
from cxrlens.training.recipe import Recipe
from cxrlens.vocabulary import Epoch, Progress, to_plain


@dataclass(frozen=True, eq=False)
class TrainedBundle:
    """What one training left."""

    bundle: Bundle
    """The model, as saved."""

    history: tuple[Epoch, ...]
    """One record an epoch."""


def train_bundle(
    prepared: PreparedTable, recipe: Recipe, split_digest: str, folder: Path, progress: Progress
) -> TrainedBundle:
    """Train one model on the `train` rows, choose its epoch on the `val` rows, and save it.

    Args:
        prepared: decoded images whose table has its `split` column filled.
        recipe: how.
        split_digest: SHA-256 of the split file.
        folder: the bundle's; must not exist.
        progress: is told of every step.

    Raises:
        WeightsError: if the recipe's weights cannot be loaded.
        RecipeError: if its network cannot be built.
        OutputError: if the folder cannot be written.
    """
    table = prepared.table
    network, initial_weights = build_initial_network(recipe, len(table.classes))
    history = fit(network, _select_cases(prepared), recipe, progress)
    best = next(epoch for epoch in history if epoch.is_best)
    record = BundleRecord(
        classes=table.classes,
        preprocessing=recipe.preprocessing,
        network=recipe.network,
        recipe=to_plain(recipe),
        initial_weights=initial_weights,
        data=_describe_data(prepared, split_digest),
        metrics={"validation (chose the epoch)": to_plain(best)},
    )
    return TrainedBundle(
        save_bundle(Bundle(record, network, _list_seen(prepared)), folder), history
    )


def build_initial_network(recipe: Recipe, n_classes: int) -> tuple[MapClassifier, str]:
    """Build the network that a training starts from.

    Args:
        recipe: its network, weights and seed.
        n_classes: outputs.

    Returns:
        The network, and what its weights are called in the record.
    """
    size = (recipe.preprocessing.height, recipe.preprocessing.width)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = build_classifier(recipe.network, n_classes, size)
    return network, load_backbone_weights(network.backbone, recipe.network, recipe.weights)


def _select_cases(prepared: PreparedTable) -> TrainingCases:
    table = prepared.table
    split = table.frame["split"].to_numpy()
    return TrainingCases(
        pixels=prepared.images.pixels,
        targets=table.targets,
        train=np.flatnonzero(split == "train"),
        validation=np.flatnonzero(split == "val"),
    )


def _describe_data(prepared: PreparedTable, split_digest: str) -> TrainingData:
    return TrainingData(
        fingerprint=fingerprint(prepared.table, prepared.images.digests),
        split_digest=split_digest,
        counts=prepared.table.counts,
        is_phantom=prepared.table.is_phantom,
    )


def _list_seen(prepared: PreparedTable) -> frozenset[str]:
    parts = prepared.table.frame["split"]
    digests = zip(prepared.images.digests, parts, strict=True)
    return frozenset(digest for digest, part in digests if part in ("train", "val"))
