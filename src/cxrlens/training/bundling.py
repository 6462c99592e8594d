"""A recipe and a split table become a bundle.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cxrlens.data import fingerprint
from cxrlens.imaging import write_whole
from cxrlens.inference import (
    Bundle,
    BundleRecord,
    Familiarity,
    FamiliarRows,
    PreparedTable,
    TrainingData,
    draw_familiar_rows,
    familiarise,
    load_bundle,
    save_bundle,
)
from cxrlens.network import MapClassifier, build_classifier, load_backbone_weights
from cxrlens.training.cases import TrainingCases
from cxrlens.training.copies import add_copies, split_copies
from cxrlens.training.epoch_file import read_epochs
from cxrlens.training.loop import CHECKPOINT_FILE, Fitted, Keeping, fit
from cxrlens.training.parameter_group import tabulate_parameters
from cxrlens.training.recipe import Recipe
from cxrlens.training.targets import has_target, resolve_labels
from cxrlens.training.views import resolve_views
from cxrlens.vocabulary import (
    ARGMAX,
    EACH_AT_HALF,
    Epoch,
    InputError,
    OutputError,
    Progress,
    RecipeError,
    TableError,
    digest,
    to_plain,
)

BUNDLE_FOLDER, LAST_GOOD_FOLDER = "bundle", "last-good-bundle"
"""In a run folder: the model; what was best before a training diverged."""

PARAMETERS_FILE = "parameters.csv"
"""In a run folder."""


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
        folder: of the run; gets `bundle`, `parameters.csv`, `epochs.csv`, `classes.csv` and `logs`,
            and until the bundle is saved `checkpoint`. What an interrupted training left there is
            gone on with; where it left its bundle, that is taken.
        progress: is told of every step.

    Raises:
        WeightsError: if the recipe's weights cannot be loaded.
        RecipeError: if its network cannot be built, or a stage names groups that it does not have.
        OutputError: if the folder cannot be written, or holds another training.
        InputError: if the training diverges; the weights of its best epoch, where there is one, are
            kept beside.
    """
    data = _describe_data(prepared, split_digest)
    if (folder / BUNDLE_FOLDER).exists():
        return _take_up(folder, recipe, data)
    network, initial_weights = build_initial_network(recipe, len(prepared.table.classes))
    _write_parameters(folder / PARAMETERS_FILE, network, recipe)
    keeping = Keeping(folder, _identify(recipe, data, initial_weights))
    cases = select_cases(prepared, recipe)
    fitted = fit(network, cases, recipe, progress, keeping)
    record = _describe(prepared, recipe, initial_weights, data, fitted)
    familiar = _familiarise(network, prepared, cases, recipe.seed, progress)
    bundle = Bundle(record, lambda: network, _list_seen(prepared), familiar)
    if fitted.divergence is not None:
        _keep_last_good(bundle, fitted, folder)
    saved = save_bundle(bundle, folder / BUNDLE_FOLDER)
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    return TrainedBundle(saved, fitted.history)


def build_initial_network(recipe: Recipe, n_classes: int) -> tuple[MapClassifier, str]:
    """Build the network that a training starts from, and check that every stage fits it.

    Args:
        recipe: its network, weights, stages and seed.
        n_classes: outputs.

    Returns:
        The network, and what its weights are called in the record.

    Raises:
        WeightsError: if the weights cannot be loaded.
        RecipeError: if the network cannot be built, or a stage names groups that it does not have,
            or views of features that it moves.
    """
    size = (recipe.preprocessing.height, recipe.preprocessing.width)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = build_classifier(recipe.network, n_classes, size)
    tabulate_parameters(network, recipe.stages)
    for stage in recipe.stages:
        resolve_views(network, stage)
    return network, load_backbone_weights(network.backbone, recipe.network, recipe.weights)


def check_balance(recipe: Recipe, *, is_multilabel: bool) -> None:
    """Check that rare classes can be made up for as a recipe says.

    Args:
        recipe: with its balance.
        is_multilabel: whether an image may have several classes.

    Raises:
        RecipeError: if it would show an image for the sake of one class that has others too.
    """
    balance = recipe.optimisation.balance
    if is_multilabel and balance in ("sampler", "copies"):
        raise RecipeError(
            f"optimisation.balance {balance!r} needs one class an image, the data have several; "
            "choose balance=loss-weights"
        )


def select_cases(prepared: PreparedTable, recipe: Recipe) -> TrainingCases:
    """Select what a training sees: images of `train` and `val` that have something to teach.

    Args:
        prepared: decoded images whose table has its `split` column filled.
        recipe: says what uncertain labels are, and whether rare classes are filled with copies.
    """
    table = prepared.table
    split = table.frame["split"].to_numpy()
    targets = table.targets
    if table.is_multilabel:
        targets = resolve_labels(table.label_matrix, recipe.optimisation.uncertain)
    is_taught = has_target(targets)
    train = np.flatnonzero((split == "train") & is_taught)
    if recipe.optimisation.balance == "copies":
        train = add_copies(train, targets, recipe.copies)
    return TrainingCases(
        pixels=prepared.images.pixels,
        targets=targets,
        train=train,
        validation=np.flatnonzero((split == "val") & is_taught),
        n_classes=len(table.classes),
        classes=table.classes,
        images=table.relative_images,
    )


def _take_up(folder: Path, recipe: Recipe, data: TrainingData) -> TrainedBundle:
    """Load the bundle that an interrupted run had saved already (one fold of several)."""
    bundle = load_bundle(folder / BUNDLE_FOLDER)
    for name, is_same in (
        ("recipe", bundle.record.recipe == to_plain(recipe)),
        ("data fingerprint", bundle.record.data.fingerprint == data.fingerprint),
        ("split", bundle.record.data.split_digest == data.split_digest),
    ):
        if not is_same:
            raise OutputError(
                f"{folder / BUNDLE_FOLDER} is of another training: its {name} differs; give the "
                "same data and options, or another --out"
            )
    # Killed after the bundle took its name and before this was removed.
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    return TrainedBundle(bundle, read_epochs(folder))


def _identify(recipe: Recipe, data: TrainingData, initial_weights: str) -> dict[str, str]:
    text = json.dumps(to_plain(recipe), sort_keys=True)
    return {
        "recipe": digest(text.encode()),
        "data fingerprint": data.fingerprint,
        "split": data.split_digest,
        "initial weights": digest(initial_weights.encode()),
    }


def _describe(
    prepared: PreparedTable,
    recipe: Recipe,
    initial_weights: str,
    data: TrainingData,
    fitted: Fitted,
) -> BundleRecord:
    best = next(epoch for epoch in fitted.history if epoch.is_best)
    return BundleRecord(
        classes=prepared.table.classes,
        preprocessing=recipe.preprocessing,
        network=recipe.network,
        recipe=to_plain(recipe),
        initial_weights=initial_weights,
        data=data,
        metrics={"validation (chose the epoch)": to_plain(best)},
        operating_point=EACH_AT_HALF if prepared.table.is_multilabel else ARGMAX,
        is_multilabel=prepared.table.is_multilabel,
    )


def _familiarise(
    network: MapClassifier,
    prepared: PreparedTable,
    cases: TrainingCases,
    seed: int,
    progress: Progress,
) -> Familiarity | None:
    """Keep what tells a strange image; nothing where there are too few images for it."""
    # Rare classes may be filled with copies.
    train = np.unique(split_copies(cases.train, len(cases.targets))[0])
    try:
        rows = draw_familiar_rows(
            prepared, FamiliarRows(train, cases.validation, "validation images"), seed
        )
    except TableError:
        return None
    return familiarise(network, prepared, rows, progress)


def _keep_last_good(bundle: Bundle, fitted: Fitted, folder: Path) -> None:
    """Keep what was best before the training diverged, and tell."""
    place = folder / LAST_GOOD_FOLDER
    if not place.exists():
        save_bundle(bundle, place)
    best = next(epoch for epoch in fitted.history if epoch.is_best)
    raise InputError(f"{fitted.divergence}; the weights of epoch {best.epoch} are kept in {place}")


def _write_parameters(path: Path, network: MapClassifier, recipe: Recipe) -> None:
    text = io.StringIO()
    rows = tabulate_parameters(network, recipe.stages)
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_whole(path, text.getvalue().encode())


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
