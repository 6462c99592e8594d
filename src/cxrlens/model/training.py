"""A table becomes a trained model, examined on cases it never saw.

SPDX-License-Identifier: Apache-2.0
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from cxrlens.data import StudyTable, complete_split, fold_table, read_table, write_split
from cxrlens.evaluation import SeedSpread, choose_operating_point, read_rule
from cxrlens.imaging import write_whole
from cxrlens.inference import Bundle, PreparedTable, prepare
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.model.examining import Examination, judge_answers, tabulate_answers
from cxrlens.model.seed_pooling import SeedRun, pool_seeds
from cxrlens.training import (
    RECIPE_FILE,
    Recipe,
    build_initial_network,
    check_balance,
    claim_run,
    measure_stages,
    read_recipe,
    resolve_labels,
    resolve_recipe,
    train_bundle,
)
from cxrlens.vocabulary import (
    Epoch,
    InputError,
    OperatingPoint,
    OutputError,
    Prediction,
    Progress,
    Silence,
    StageSize,
    TableError,
    digest,
    digest_lines,
    show_name,
    to_plain,
)

SPLIT_FILE = "split.csv"
"""In a run folder: which image is in which part."""

RULES = ("youden", "sensitivity>=0.95")
"""By which thresholds are chosen on validation, for the report; the decision is not theirs."""


@dataclass(frozen=True, eq=False)
class Training:
    """Everything that one training came to."""

    models: tuple[Model, ...]
    """One; with folds, one a fold; with several seeds, those of the first seed first."""

    histories: tuple[tuple[Epoch, ...], ...]
    """One a model."""

    recipe: Recipe
    """As resolved."""

    table: StudyTable
    """With its split; with folds, that of the first fold."""

    split_digest: str
    """SHA-256 of `split.csv` in the run folder (with folds: of all folds' digests)."""

    seconds: float
    """Time that the weights were moved and the epochs chosen in, over all models."""

    examination: Examination
    """On the test part; with folds, on every case by the model that never saw it."""

    stages: tuple[StageSize, ...]
    """How much of the network each stage moves."""

    runs: tuple[SeedRun, ...] = ()
    """With several seeds, what each came to; `examination` is then their mean."""

    spread: SeedSpread | None = None
    """With several seeds, how far they lie apart."""


def train(
    data: StudyTable | PathLike,
    recipe: str | Recipe | None = None,
    *,
    overrides: Sequence[str] = (),
    out: PathLike | None = None,
    resume: PathLike | None = None,
) -> Model:
    """Train a model and save its bundle in a run folder.

    Several models at once, by `folds` or `seeds`, and the examination are had from `run_training`.

    Args:
        data: a table, or a folder of class folders.
        recipe: a recipe or its name; None is `default`, or with `resume` the run's own.
        overrides: `key=value` changes to a recipe given by name.
        out: the run folder; None counts up `runs/RECIPE`, `runs/RECIPE2`, …
        resume: the run folder of a training of these data that was interrupted; in place of `out`.

    Returns:
        The trained model.

    Raises:
        TableError: if the data cannot be split.
        RecipeError: if the recipe is not valid.
        OutputError: if the run folder is in use, not empty, or cannot be written; or what was
            interrupted there is another training.
    """
    again = None if resume is None else Path(resume)
    if not isinstance(recipe, Recipe):
        recipe = resolve_recipe(recipe, overrides, again)
    table = data if isinstance(data, StudyTable) else read_table(data)
    with claim_run(recipe.name, None if out is None else Path(out), again) as folder:
        return run_training(table, recipe, folder).models[0]


def run_training(
    table: StudyTable,
    recipe: Recipe,
    folder: Path,
    *,
    folds: int | None = None,
    seeds: int | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train by a recipe in a claimed folder and examine the result on cases it never saw.

    Args:
        table: a split that it brings is respected; images without a label are left out. With
            several labels an image, each class is learnt and judged on its own.
        recipe: how.
        folder: gets `recipe.yaml`, `split.csv`, `parameters.csv`, `epochs.csv`,
            `classes.csv`, `logs` and `bundle`; with folds `fold1/` … hold all but the first. A
            training of the same data that was interrupted here goes on at its step.
        folds: cross-validate with so many folds; a test part that the table brings stays unused.
        seeds: train so often, 2 or more, with the recipe's seed and those after it, all on the
            split of the recipe's seed; `seed0/` … (or `seed0/fold1/` …) hold all but the recipe.
        progress: is told of every step.

    Returns:
        Models, histories and the examination.

    Raises:
        TableError: if the data cannot be split so.
        RecipeError: if the recipe does not fit the data.
        OutputError: if the folder cannot be written, or holds another training.
        InputError: if the training diverges, or there are fewer than two seeds.
    """
    progress = progress or Silence()
    # What can be refused is refused before anything is read or written.
    table = table.labelled()
    check_balance(recipe, is_multilabel=table.is_multilabel)
    table = _drop_untrained(table, recipe, folds)
    network, _ = build_initial_network(recipe, len(table.classes))
    stages = measure_stages(network, recipe.stages)
    del network
    places = _plan(recipe, folder, folds, seeds)
    _keep_recipe(recipe, folder, places)
    prepared = prepare(table, recipe.preprocessing, progress)
    splits = _split(prepared.table, recipe, folds)
    _check_trained(splits, recipe)
    parts = [
        _train_part(replace(prepared, table=splits[place.fold]), place, progress)
        for place in places
    ]
    digests = [part.split_digest for part in parts[: len(splits)]]
    runs = tuple(
        SeedRun(places[start].recipe.seed, _pool(prepared, parts[start : start + len(splits)]))
        for start in range(0, len(parts), len(splits))
    )
    pooled, spread = (runs[0].examination, None) if seeds is None else pool_seeds(runs)
    return Training(
        models=tuple(part.model for part in parts),
        histories=tuple(part.history for part in parts),
        recipe=recipe,
        table=splits[0],
        split_digest=digests[0] if folds is None else digest_lines(digests),
        seconds=sum(part.seconds for part in parts),
        examination=pooled,
        stages=stages,
        runs=() if seeds is None else runs,
        spread=spread,
    )


@dataclass(frozen=True)
class _Place:
    """Where one of the models of a training is made, and by which recipe."""

    recipe: Recipe
    fold: int
    folder: Path
    words: str


def _plan(recipe: Recipe, folder: Path, folds: int | None, seeds: int | None) -> list[_Place]:
    """List the models, the folds of a seed one after the other."""
    if seeds is not None and seeds < 2:
        raise InputError(f"a training with several seeds needs 2 or more; got {seeds}")
    places = []
    for seed in range(recipe.seed, recipe.seed + (seeds or 1)):
        of_seed = [f"seed{seed}"] if seeds else []
        for fold in range(folds or 1):
            names = [*of_seed, *([f"fold{fold + 1}"] if folds else [])]
            words = [f"seed {seed}"] if seeds else []
            words += [f"fold {fold + 1}/{folds}"] if folds else []
            prefix = f"{', '.join(words)}: " if words else ""
            seeded = replace(recipe, seed=seed)
            places.append(_Place(seeded, fold, folder.joinpath(*names), prefix))
    return places


def _keep_recipe(recipe: Recipe, folder: Path, places: Sequence[_Place]) -> None:
    """Write the recipe, or check that what was interrupted here is the same training."""
    path = folder / RECIPE_FILE
    if not path.exists():
        write_whole(path, yaml.safe_dump(to_plain(recipe), sort_keys=False).encode())
        return
    before, after = to_plain(read_recipe(path)), to_plain(recipe)
    if isinstance(before, dict) and isinstance(after, dict) and before != after:
        key = next(key for key in after if before[key] != after[key])
        raise OutputError(
            f"{folder} holds a training by another recipe: its {key} is {before[key]!r}, this "
            f"one's {after[key]!r}; resume it without --recipe and overrides"
        )
    own = {place.folder for place in places}
    patterns = (SPLIT_FILE, *(f"{one}/{SPLIT_FILE}" for one in ("fold*", "seed*", "seed*/fold*")))
    found = [path.parent for pattern in patterns for path in folder.glob(pattern)]
    for other in (one for one in found if one not in own):
        what = f"a model in {other.relative_to(folder)}"
        raise OutputError(
            f"{folder} holds {'a training without folds and seeds' if other == folder else what}; "
            "resume it with the same --folds and --seeds"
        )


def _split(table: StudyTable, recipe: Recipe, folds: int | None) -> list[StudyTable]:
    if folds is not None:
        return fold_table(table, folds=folds, seed=recipe.seed, validation=recipe.validation)
    return [complete_split(table, seed=recipe.seed, validation=recipe.validation, test=recipe.test)]


def _drop_untrained(table: StudyTable, recipe: Recipe, folds: int | None) -> StudyTable:
    """Leave out classes that a model could learn nothing of, so that it never answers for them.

    With fewer classes the split is another one: that too must teach all that are left.
    """
    if not table.is_multilabel:
        _split(table, recipe, folds)
        return table
    could_train = table.take(np.flatnonzero(table.frame["split"].to_numpy() != "test"))
    lost = _find_untrained([could_train.with_split(["train"] * len(could_train))], recipe)
    lost = lost or _find_untrained(_split(table, recipe, folds), recipe)
    if not lost:
        return table
    kept = [name for name in table.classes if name not in lost]
    if not kept:
        raise TableError(
            f"no class has images with and without it in the training part ({len(lost)} looked "
            "at); give more images, or --map classes together"
        )
    told = ", ".join(show_name(name) for name in lost)
    note = (
        f"{told}: no training image with it, or none without it, is known; the model does not "
        "answer for that"
    )
    return _drop_untrained(table.keep_classes(kept, [note]).labelled(), recipe, folds)


def _find_untrained(splits: Sequence[StudyTable], recipe: Recipe) -> list[str]:
    """The classes without both labels in the training part of any fold."""
    lost = set()
    for split in splits:
        is_trained_on = split.frame["split"].to_numpy() == "train"
        labels = resolve_labels(split.label_matrix[is_trained_on], recipe.optimisation.uncertain)
        has_both = (labels == 1).any(axis=0) & (labels == 0).any(axis=0)
        lost |= {name for name, both in zip(split.classes, has_both, strict=True) if not both}
    return [name for name in splits[0].classes if name in lost]


def _check_trained(splits: Sequence[StudyTable], recipe: Recipe) -> None:
    """Refuse to train where files that could not be read leave a class without both labels."""
    if not splits[0].is_multilabel:
        return
    lost = _find_untrained(splits, recipe)
    if lost:
        raise TableError(
            f"class {lost[0]!r} is left without images with it, or without it, in a training part "
            "by the files that could not be read; leave the class out with --where, or --map it "
            "to another"
        )


@dataclass(frozen=True, eq=False)
class _Part:
    """One trained model with its answers on its own test rows."""

    model: Model
    history: tuple[Epoch, ...]
    split: StudyTable
    split_digest: str
    seconds: float
    rows: np.ndarray
    answers: tuple[Prediction, ...]
    points: tuple[OperatingPoint, ...]
    """By each of `RULES`, chosen on its own validation rows."""


@dataclass(frozen=True)
class _Prefixed:
    """Progress whose tasks say which seed and fold they belong to."""

    progress: Progress
    prefix: str

    def advance(self, task: str, done: int, total: int) -> None:
        self.progress.advance(f"{self.prefix}{task}", done, total)


def _train_part(prepared: PreparedTable, place: _Place, progress: Progress) -> _Part:
    progress = _Prefixed(progress, place.words)
    place.folder.mkdir(parents=True, exist_ok=True)
    split_digest = _keep_split(prepared.table, place.folder / SPLIT_FILE)
    start = time.perf_counter()
    trained = train_bundle(prepared, place.recipe, split_digest, place.folder, progress)
    seconds = time.perf_counter() - start
    model = Model(trained.bundle)
    rows = _find_unseen(prepared, trained.bundle)
    answers = model.answer_rows(prepared, rows, progress)
    split = prepared.table
    points = _choose_on_validation(prepared, model, progress)
    return _Part(model, trained.history, split, split_digest, seconds, rows, answers, points)


def _choose_on_validation(
    prepared: PreparedTable, model: Model, progress: Progress
) -> tuple[OperatingPoint, ...]:
    """Choose thresholds where the epoch was chosen, to be judged on the test rows."""
    rows = np.flatnonzero(prepared.table.frame["split"].to_numpy() == "val")
    answers = model.answer_rows(prepared, rows, _Prefixed(progress, "validation: "))
    table = tabulate_answers(prepared, rows, answers, np.zeros(len(rows), dtype=np.int64))
    words = "the validation part of each model, which chose its epoch too"
    return tuple(
        choose_operating_point(table, table.probabilities, read_rule(rule), words) for rule in RULES
    )


def _keep_split(table: StudyTable, path: Path) -> str:
    """Write the split, or check that it is the one of what was interrupted here."""
    before = digest(path.read_bytes()) if path.exists() else None
    if before is None:
        return write_split(table, path)
    with TemporaryDirectory() as scratch:
        after = write_split(table, Path(scratch) / SPLIT_FILE)
    if before != after:
        raise OutputError(
            f"{path} is not the split of these data (SHA-256 {before[:12]}…, theirs {after[:12]}…);"
            " resume with the same data, --folds, --seeds, --limit and recipe"
        )
    return after


def _find_unseen(prepared: PreparedTable, bundle: Bundle) -> np.ndarray:
    """Find the test rows, without copies of files that trained the model or chose its epoch."""
    is_test = prepared.table.frame["split"].to_numpy() == "test"
    is_seen = np.array([digest in bundle.seen for digest in prepared.images.digests])
    if not (is_test & ~is_seen).any():
        raise TableError(
            f"all {int(is_test.sum())} test images are copies of training images, to the byte; "
            "remove the repeats"
        )
    return np.flatnonzero(is_test & ~is_seen)


def _pool(prepared: PreparedTable, parts: Sequence[_Part]) -> Examination:
    rows = np.concatenate([part.rows for part in parts])
    folds = np.concatenate([np.full(len(part.rows), i) for i, part in enumerate(parts)])
    answers = [answer for part in parts for answer in part.answers]
    notes = parts[0].split.notes
    n_test = sum(int((part.split.frame["split"] == "test").sum()) for part in parts)
    if n_test > len(rows):
        notes = (*notes, f"{n_test - len(rows)} test images are copies of training images, to "
                 "the byte, under another name: they are left out of the figures.")  # fmt: skip
    table = replace(parts[0].split, notes=notes)
    own = [part.model.bundle.record.operating_point for part in parts]
    points = [own, *map(list, zip(*(part.points for part in parts), strict=True))]
    return judge_answers(replace(prepared, table=table), rows, answers, folds, points)
