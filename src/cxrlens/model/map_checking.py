"""What the maps of a method have to do with the network that they are made of.

SPDX-License-Identifier: Apache-2.0
"""

import time
from collections.abc import Sequence

import numpy as np

from cxrlens.evaluation import (
    MethodCheck,
    RandomisedMaps,
    compare_means,
    correlate_maps,
    measure_average,
    measure_correlation,
    measure_share,
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
from cxrlens.vocabulary import ClassIndices, Estimate, Heatmap, PixelMask

RANDOM = "random"

_RERUN_SEED = 1
"""Of a second run of a method; the first has the seed that was asked for, usually 0."""


def check_method(
    maps: UnseenMaps,
    asked: tuple[Method, object],
    rows: Sequence[int],
    clusters: ClassIndices,
    *,
    masks: Sequence[PixelMask],
    others: Sequence[Sequence[Model]],
) -> MethodCheck:
    """Check a method on some images.

    Args:
        maps: the images with their models.
        asked: a method and its settings.
        rows: which images; at least one.
        clusters: a number for each one's patient.
        masks: where the finding lies in each; empty where that is not known.
        others: the same trainings with other seeds, each in the order of the models.

    Returns:
        Deletion and insertion, maps of a network that forgets, agreement between trainings and
        between runs, and the time for an image.
    """
    method, settings = asked
    start = time.perf_counter()
    found = maps.explain(rows, method, settings)
    seconds = time.perf_counter() - start
    own, chance = (_measure(maps, rows, its) for its in (found, _explain_by_chance(maps, rows)))
    agreement = [correlate_maps(found, maps.explain(rows, *asked, models=its)) for its in others]
    again = _run_again(maps, rows, asked)
    return MethodCheck(
        method=method.name,
        n_images=len(rows),
        n_patients=len(np.unique(clusters)),
        milliseconds=1000 * seconds / len(rows),
        deletion=measure_average(own.deletion, clusters),
        insertion=measure_average(own.insertion, clusters),
        deletion_gap=compare_means(own.deletion, chance.deletion, clusters),
        insertion_gap=compare_means(own.insertion, chance.insertion, clusters),
        randomised=() if method.is_baseline else _forget(maps, rows, asked, found, masks, clusters),
        seeds=_mean(agreement, clusters) if others and not method.is_baseline else None,
        reruns=None if again is None else measure_correlation(
            correlate_maps(found, again), clusters
        ),
    )  # fmt: skip


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
        reports.append(
            RandomisedMaps(
                share=share,
                correlation=measure_correlation(correlate_maps(found, changed), clusters),
                hit_rate=measure_share(np.array(hits), clusters) if masks else None,
            )
        )
    return tuple(reports)
