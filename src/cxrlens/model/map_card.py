"""The report card of a model's maps: are they any better than one that never looks?

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.data import StudyTable
from cxrlens.evaluation import (
    BASELINES,
    LungReport,
    MapCard,
    MapScore,
    judge_lungs,
    judge_methods,
    score_heatmap,
)
from cxrlens.explanation import Method, find_method
from cxrlens.inference import BAD_MASK, prepare
from cxrlens.model.answering import Model
from cxrlens.model.examining import match_classes
from cxrlens.model.map_checking import check_methods
from cxrlens.model.map_truth import MapTruth
from cxrlens.model.mean_masks import MeanMasks
from cxrlens.model.unseen_maps import UnseenMaps, check_alike
from cxrlens.vocabulary import (
    PHANTOM_MODEL,
    ClassIndices,
    Heatmap,
    PixelMask,
    PredictionTable,
    Progress,
    Refusal,
    Silence,
    TableError,
    number_patients,
)

N_PARTS = 5
"""Into which the patients of a single model's images are dealt, to cross-fit thresholds and mean
masks."""

MEAN_MASK, CENTRE, RANDOM = BASELINES


@dataclass(frozen=True)
class CardOptions:
    """What a card is made of."""

    methods: tuple[tuple[Method, object], ...]
    """Each with its settings. The baselines are added where they are missing."""

    lung_column: str | None = None
    """The column of the table with masks of the lungs, as paths from its root; None: our own lung
    field stands in for them."""

    limit: int | None = None
    """Images that are scored at most, as well those with a finding as those with lungs."""

    n_checked: int = 16
    """Images on which the checks of `MethodCheck` are made."""

    seed: int = 0
    """Of the choice of images, and of the parts of a single model's patients."""


def make_map_card(
    models: Sequence[Model],
    table: StudyTable,
    options: CardOptions,
    *,
    others: Sequence[Model] = (),
    progress: Progress | None = None,
) -> MapCard:
    """Judge the maps of a model against baselines, and check what they have to do with it.

    Args:
        models: one; or those of the folds of one training, of which each explains the images that
            it never saw.
        table: labelled images; where findings lie is taken from `mask` and `boxes`.
        options: methods, and how much is done.
        others: the same training with other seeds, for the agreement between trainings: of folds
            in the order of `models`, once or several times over.
        progress: is told of every step.

    Returns:
        The card.

    Raises:
        InputError: if the models differ in classes or preprocessing, or `others` are no multiple
            of `models`.
        BundleError: if the table has classes that the models do not know.
        TableError: if no image is left to make a map of, or the table has several labels an image.
    """
    progress = progress or Silence()
    check_alike([*models, *others])
    if len(others) % len(models):
        raise TableError(
            f"{len(others)} models of other seeds do not fit {len(models)} folds; give as many"
        )
    if table.is_multilabel:
        raise TableError(
            f"the table has several labels an image ({', '.join(table.classes)}); a card needs "
            "one, whose finding the mask shows: give a table with one column of labels"
        )
    if options.lung_column is not None and options.lung_column not in table.columns:
        raise TableError(
            f"the table has no column {options.lung_column!r} for the lungs; it has "
            f"{', '.join(table.columns)}"
        )
    notes = match_classes(models[0], table)
    prepared = prepare(table.labelled(), models[0].bundle.record.preprocessing, progress)
    if any(model.bundle.record.data.is_phantom for model in models):
        notes.append(PHANTOM_MODEL)
    maps = UnseenMaps(models, prepared, progress)
    truth = MapTruth(prepared, options.lung_column)
    notes += _tell_refusals(prepared.table.refusals)
    found, lungs = _choose_rows(maps, truth, options)
    rows = found or lungs
    answers = maps.answer(rows)
    parts = _deal(answers, len(models), options.seed)
    masks = [truth.read_finding(row) for row in found]
    small = [maps.shrink(row, mask) for row, mask in zip(found, masks, strict=True)]
    means = MeanMasks(small, [maps.labels[row] for row in found], parts)
    notes += _tell_alone(means)
    methods = _complete(options.methods, with_mean=bool(found))
    classes = [maps.labels[row] for row in found]
    scores = _score(maps, methods, found, masks, means)
    by_lungs, note = _judge_lungs(maps, methods, lungs, truth)
    notes += note
    groups = [others[at : at + len(models)] for at in range(0, len(others), len(models))]
    checked = _draw(rows, options.n_checked, options.seed)
    places = np.array([rows.index(row) for row in checked])
    return MapCard(
        methods=judge_methods(scores, classes, answers.clusters, parts) if found else (),
        lungs=by_lungs,
        has_true_lungs=options.lung_column is not None,
        checks=check_methods(
            maps,
            [one for one in methods if one[0].name != MEAN_MASK],
            checked,
            answers.clusters[places],
            masks=[masks[place] for place in places.tolist()] if found else [],
            others=groups,
        ),
        mean_masks=means.of_all(),
        answers=answers,
        n_seen=int((maps.owner < 0).sum()),
        is_phantom=prepared.table.is_phantom,
        words={method.name: method.words for method, _ in methods},
        notes=(*prepared.table.notes, *notes),
    )


def _tell_refusals(refusals: Sequence[Refusal]) -> list[str]:
    """Say what was left out, so that a card of few images does not look like one of all."""
    masks = [one for one in refusals if one.reason == BAD_MASK]
    images = [one for one in refusals if one.reason != BAD_MASK]
    return [
        f"{len(some)} {words}; the first: {some[0].message}."
        for some, words in ((images, "images were refused"), (masks, "masks cannot be used"))
        if some
    ]


def _tell_alone(means: MeanMasks) -> list[str]:
    """Say where the mean mask is empty, and with it what a method seems to be better than."""
    n = means.count_alone()
    if n == 0:
        return []
    return [
        f"For {n} images no image of another patient shows where their class lies: their mean mask "
        "is empty, and being better than it says nothing."
    ]


def _choose_rows(
    maps: UnseenMaps, truth: MapTruth, options: CardOptions
) -> tuple[list[int], list[int]]:
    """The rows that are scored against findings, and against lungs."""
    unseen = np.flatnonzero(maps.owner >= 0).tolist()
    if not unseen:
        raise TableError(
            f"all {len(maps.owner)} images were used to train these models; give others"
        )
    found = [row for row in unseen if truth.has_finding(row)]
    lungs = [row for row in unseen if truth.has_lungs(row)]
    if not (found or lungs):
        raise TableError("no image has a mask, a box or lungs to hold a map against")
    if options.limit is None:
        return found, lungs
    return _draw(found, options.limit, options.seed), _draw(lungs, options.limit, options.seed)


def _draw(rows: list[int], n: int, seed: int) -> list[int]:
    """At most n rows by chance, in their order."""
    if len(rows) <= n:
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), n, replace=False)
    return [rows[place] for place in sorted(drawn.tolist())]


def _deal(answers: PredictionTable, n_models: int, seed: int) -> ClassIndices:
    """The part of each image: its model's fold, or parts of patients of a single model."""
    if n_models > 1:
        return answers.folds
    clusters = answers.clusters
    order = np.random.default_rng(seed).permutation(int(clusters.max()) + 1)
    return np.asarray(order[clusters] % N_PARTS)


def _complete(
    given: Sequence[tuple[Method, object]], *, with_mean: bool
) -> list[tuple[Method, object]]:
    """Add the baselines that were not asked for; a mean mask only where there are masks."""
    names = {method.name for method, _ in given}
    added = [find_method(name) for name in BASELINES if name not in names]
    methods = [*given, *((method, method.read_settings({})) for method in added)]
    return [one for one in methods if with_mean or one[0].name != MEAN_MASK]


def _score(
    maps: UnseenMaps,
    methods: Sequence[tuple[Method, object]],
    rows: Sequence[int],
    masks: Sequence[PixelMask],
    means: MeanMasks,
) -> dict[str, list[MapScore]]:
    """Score every method's maps against the findings."""
    scores: dict[str, list[MapScore]] = {}
    for method, settings in methods if rows else ():
        if method.name == MEAN_MASK:
            found = [
                Heatmap(means.of_others(place), maps.geometry(row), maps.labels[row], MEAN_MASK)
                for place, row in enumerate(rows)
            ]
        else:
            found = maps.explain(rows, method, settings)
        scores[method.name] = [
            score_heatmap(one, mask) for one, mask in zip(found, masks, strict=True)
        ]
    return scores


def _judge_lungs(
    maps: UnseenMaps,
    methods: Sequence[tuple[Method, object]],
    rows: Sequence[int],
    truth: MapTruth,
) -> tuple[tuple[LungReport, ...], list[str]]:
    """Hold every method's maps against the lungs; a mean mask shows findings, not lungs."""
    read = {row: truth.read_lungs(row) for row in rows}
    known = {row: lungs for row, lungs in read.items() if lungs is not None}
    rows, lungs = list(known), list(known.values())
    n_unsure = len(read) - len(known)
    notes = []
    if n_unsure:
        notes.append(
            f"The lungs were not found for sure in {n_unsure} of {len(read)} images: these are "
            "left out where heat is held against lungs."
        )
    if not rows:
        return (), notes
    patients = maps.prepared.table.frame["patient_id"].iloc[list(rows)].tolist()
    clusters = number_patients(patients)
    scores = {
        method.name: [
            score_heatmap(one, mask)
            for one, mask in zip(maps.explain(rows, method, settings), lungs, strict=True)
        ]
        for method, settings in methods
        if method.name != MEAN_MASK
    }
    judged = (judge_lungs(name, its, scores[CENTRE], clusters) for name, its in scores.items())
    return tuple(judged), notes
