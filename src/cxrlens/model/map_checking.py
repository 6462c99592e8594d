"""What the maps of a method have to do with the network that they are made of.

SPDX-License-Identifier: Apache-2.0
"""

import time
from collections.abc import Sequence

import numpy as np

from cxrlens.evaluation import (
    Difference,
    MethodCheck,
    RandomisedMaps,
    correlate_maps,
    measure_correlation,
    measure_mean,
    measure_mean_gap,
    measure_proportion,
    score_heatmap,
)
from cxrlens.explanation import (
    RANDOMISED_SHARES,
    Faithfulness,
    Method,
    find_method,
    measure_faithfulness,
    randomise,
)
from cxrlens.inference import TorchEngine
from cxrlens.model.answering import Model
from cxrlens.model.unseen_maps import UnseenMaps
from cxrlens.vocabulary import ClassIndices, Estimate, Heatmap, PixelMask, Scores

RANDOM = "random"

_RERUN_SEED = 1
"""Of a second run of a method; the first has the seed that was asked for, usually 0."""


def check_methods(
    maps: UnseenMaps,
    methods: Sequence[tuple[Method, object]],
    rows: Sequence[int],
    clusters: ClassIndices,
    *,
    masks: Sequence[PixelMask],
    others: Sequence[Sequence[Model]],
) -> tuple[MethodCheck, ...]:
    """Check methods on some images.

    Args:
        maps: the images with their models.
        methods: each with its settings.
        rows: which images; at least one.
        clusters: a number for each one's patient.
        masks: where the finding lies in each; empty where that is not known.
        others: the same trainings with other seeds, each in the order of the models.

    Returns:
        For each deletion and insertion, maps of a network that forgets, agreement
        between trainings and between runs, and the time for an image.
    """
    chance = _measure(maps, rows, _explain_by_chance(maps, rows))
    checks = []
    for asked in methods:
        method, settings = asked
        start = time.perf_counter()
        found = maps.explain(rows, method, settings)
        seconds = time.perf_counter() - start
        own = _measure(maps, rows, found)
        agreement = [correlate_maps(found, maps.explain(rows, *asked, models=o)) for o in others]
        forgotten = () if method.is_baseline else _forget(maps, rows, asked, found, masks, clusters)
        again = _run_again(maps, rows, asked)
        check = MethodCheck(
            method=method.name,
            n_images=len(rows),
            n_patients=len(np.unique(clusters)),
            milliseconds=1000 * seconds / len(rows),
            deletion=measure_mean(own.deletion, clusters).to_estimate(),
            insertion=measure_mean(own.insertion, clusters).to_estimate(),
            deletion_gap=_compare(own.deletion, chance.deletion, clusters),
            insertion_gap=_compare(own.insertion, chance.insertion, clusters),
            randomised=forgotten,
            seeds=_mean(agreement, clusters) if others and not method.is_baseline else None,
            reruns=None
            if again is None
            else measure_correlation(correlate_maps(found, again), clusters),
        )
        checks.append(check)
    return tuple(checks)


def _compare(first: Scores, second: Scores, clusters: ClassIndices) -> Difference:
    return measure_mean_gap(first, second, clusters).to_difference()


def _mean(agreement: Sequence[np.ndarray], clusters: ClassIndices) -> Estimate:
    return measure_correlation(np.mean(agreement, axis=0), clusters)


def _measure(maps: UnseenMaps, rows: Sequence[int], found: Sequence[Heatmap]) -> Faithfulness:
    """Deletion and insertion of each row by its own model."""
    deletion, insertion = np.zeros(len(rows)), np.zeros(len(rows))
    owner = maps.owner[list(rows)]
    for index, model in enumerate(maps.models):
        places = np.flatnonzero(owner == index)
        if places.size:
            own = [rows[place] for place in places.tolist()]
            measured = measure_faithfulness(
                model.engine,
                maps.pixels(own),
                maps.targets(own),
                tuple(found[place] for place in places.tolist()),
                is_multilabel=model.bundle.record.is_multilabel,
            )
            deletion[places], insertion[places] = measured.deletion, measured.insertion
    return Faithfulness(deletion, insertion)


def _explain_by_chance(maps: UnseenMaps, rows: Sequence[int]) -> list[Heatmap]:
    method = find_method(RANDOM)
    return maps.explain(rows, method, method.read_settings({}))


def _run_again(
    maps: UnseenMaps, rows: Sequence[int], asked: tuple[Method, object]
) -> list[Heatmap] | None:
    """The maps by another seed; None where the method has none, or looks nowhere."""
    method, settings = asked
    if method.is_baseline or "seed" not in method.setting_names:
        return None
    options = {name: getattr(settings, name) for name in method.setting_names}
    other = _RERUN_SEED + int(options["seed"])
    return maps.explain(rows, method, method.read_settings({**options, "seed": other}))


def _forget(
    maps: UnseenMaps,
    rows: Sequence[int],
    asked: tuple[Method, object],
    found: Sequence[Heatmap],
    masks: Sequence[PixelMask],
    clusters: ClassIndices,
) -> tuple[RandomisedMaps, ...]:
    """Maps of networks whose weights are shuffled from the head down."""
    device = str(maps.models[0].engine.device)
    steps = zip(*(randomise(model.bundle.network) for model in maps.models), strict=True)
    reports = []
    for share, networks in zip(RANDOMISED_SHARES, steps, strict=True):
        engines = [TorchEngine(network, device) for _, network in networks]
        changed = maps.explain(rows, *asked, engines=engines)
        hits = [score_heatmap(one, mask).hit for one, mask in zip(changed, masks, strict=False)]
        rate = measure_proportion(np.array(hits), clusters).to_estimate() if masks else None
        reports.append(
            RandomisedMaps(
                share=share,
                correlation=measure_correlation(correlate_maps(found, changed), clusters),
                hit_rate=rate,
            )
        )
    return tuple(reports)
