"""Scores of many heat-maps become a judgement of their method.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.evaluation.map_scores import MapScore
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import ClassMapReport, MapEvaluation
from cxrlens.vocabulary import ClassIndices, Estimate, TableError


def judge_maps(
    scores: Sequence[MapScore],
    class_names: Sequence[str],
    clusters: ClassIndices,
    *,
    method: str,
) -> MapEvaluation:
    """Judge whether the maps of a method point at the thing.

    Args:
        scores: one a positive image with a mask: all of them, also those the model missed.
        class_names: the class of each score.
        clusters: a number for each score's patient.
        method: how the maps were made, such as `cam`.

    Returns:
        A report a class, in the order of first appearance; intervals know about patients
        (`measure_proportion`, `measure_mean`) and need at least 5 of them.

    Raises:
        TableError: if there are not as many classes and patients as scores.
    """
    if not len(scores) == len(class_names) == clusters.size:
        raise TableError(
            f"maps need one class and one patient each; got {len(scores)} scores of {method!r}, "
            f"{len(class_names)} classes and {clusters.size} patients. Give equally long columns."
        )
    rows: dict[str, list[int]] = {name: [] for name in class_names}
    for row, name in enumerate(class_names):
        rows[name].append(row)
    return MapEvaluation(
        method,
        tuple(_report(name, [scores[i] for i in own], clusters[own]) for name, own in rows.items()),
    )


def _report(name: str, scores: Sequence[MapScore], clusters: ClassIndices) -> ClassMapReport:
    def share(values: Sequence[bool]) -> Estimate:
        return measure_proportion(np.array(values), clusters).to_estimate()

    def mean(values: Sequence[float]) -> Estimate:
        return measure_mean(np.array(values), clusters).to_estimate()

    return ClassMapReport(
        class_name=name,
        n_images=len(scores),
        hit_rate=share([score.hit for score in scores]),
        pointing_game=share([score.pointing for score in scores]),
        heat_inside=mean([score.heat_inside for score in scores]),
        iou=mean([score.iou for score in scores]),
        mask_share=mean([score.mask_share for score in scores]),
    )
