"""Scores of many methods' maps become a card: each method against baselines that look nowhere.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cxrlens.evaluation.map_scores import HEAT_SHARES, MapScore
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.method_report import (
    MAP_FIGURES,
    BaselineGap,
    MapFigure,
    MethodReport,
    Verdict,
)
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import Difference
from cxrlens.evaluation.share_gap import measure_mean_gap, measure_share_gap
from cxrlens.vocabulary import ClassIndices, Estimate, Scores, TableError

CONSTANTS = ("mean-mask", "centre")
"""Maps that are the same for every image of a class."""

BASELINES = (*CONSTANTS, "random")
"""What every method is held against."""

NO_BETTER = 0.05
"""Where a method is surely less than this above a constant map, it is called no better."""

_SHARES = ("hit rate", "pointing game")
_POINTS, _COVERS = "hit rate", "pixel average precision"


def judge_methods(
    scores: Mapping[str, Sequence[MapScore]],
    class_names: Sequence[str],
    clusters: ClassIndices,
    folds: ClassIndices,
) -> tuple[MethodReport, ...]:
    """Judge the maps of methods on the same images, each against the baselines.

    Args:
        scores: of each method, one score an image; `BASELINES` are among them.
        class_names: the class that each image's mask shows, and whose map was scored.
        clusters: a number for each image's patient.
        folds: a number for each image's part; a patient is in one only. The threshold at which an
            image's map is cut is chosen on the other parts.

    Returns:
        A report a class and method: classes in the order of their first image, methods as given.

    Raises:
        TableError: if the columns are not of one length, or a baseline is missing.

    Source:
        The verdict over several constant maps is an intersection-union test, which needs no
        correction: Berger, Technometrics 1982;24:295-300. That a method must beat a constant map:
        Arun et al., Radiology: Artificial Intelligence 2021;3(6):e200267 (average mask).
    """
    lengths = {len(class_names), clusters.size, folds.size, *map(len, scores.values())}
    if len(lengths) != 1 or not class_names:
        raise TableError(
            f"a card needs one class, patient, part and score of each method for every image; got "
            f"{len(class_names)} classes, {clusters.size} patients and {folds.size} parts for "
            f"scores of {', '.join(f'{name} ({len(its)})' for name, its in scores.items())}"
        )
    missing = [name for name in BASELINES if name not in scores]
    if missing:
        raise TableError(f"a card needs the scores of the baseline {missing[0]!r}")
    names = np.array(class_names)
    reports: list[MethodReport] = []
    for name in dict.fromkeys(class_names):
        rows = np.flatnonzero(names == name)
        kept = {method: [its[row] for row in rows.tolist()] for method, its in scores.items()}
        reports += _judge_class(name, kept, clusters[rows], folds[rows])
    return tuple(reports)


def _judge_class(
    name: str, scores: Mapping[str, Sequence[MapScore]], clusters: ClassIndices, folds: ClassIndices
) -> Iterator[MethodReport]:
    columns = {method: _tabulate(its, folds) for method, its in scores.items()}
    for method, its in scores.items():
        figures = tuple(
            MapFigure(
                figure,
                _measure(figure, columns[method][figure], clusters),
                ()
                if method in BASELINES
                else tuple(
                    BaselineGap(
                        other,
                        _compare(figure, columns[method][figure], columns[other][figure], clusters),
                    )
                    for other in BASELINES
                ),
            )
            for figure in MAP_FIGURES
        )
        by_name = {figure.name: figure for figure in figures}
        yield MethodReport(
            method=method,
            class_name=name,
            n_images=len(its),
            n_patients=count_patients(clusters),
            figures=figures,
            share=HEAT_SHARES[_choose(its)],
            n_empty=sum(score.is_empty for score in its),
            points_better=decide(by_name[_POINTS].gaps),
            covers_better=decide(by_name[_COVERS].gaps),
        )


def decide(gaps: Sequence[BaselineGap]) -> Verdict:
    """Say whether a method is better than every constant map.

    Args:
        gaps: against the baselines.

    Returns:
        `yes` where every interval against a constant map lies above 0; `no` where one of them lies
        below `NO_BETTER`; else, and without intervals, `cannot tell`.
    """
    ends = [gap.difference.estimate for gap in gaps if gap.baseline in CONSTANTS]
    if ends and all(one.low is not None and one.low > 0 for one in ends):
        return "yes"
    if any(one.high is not None and one.high < NO_BETTER for one in ends):
        return "no"
    return "cannot tell"


def _tabulate(scores: Sequence[MapScore], folds: ClassIndices) -> dict[str, Scores]:
    """One number an image for every figure."""
    tuned = tune(scores, folds)
    return {
        "hit rate": np.array([score.hit for score in scores], dtype=np.float64),
        "pointing game": np.array([score.pointing for score in scores], dtype=np.float64),
        "IoU at half maximum": np.array([score.iou for score in scores]),
        "IoU at tuned threshold": tuned,
        "pixel average precision": np.array([score.average_precision for score in scores]),
        "heat inside": np.array([score.heat_inside for score in scores]),
    }


def tune(scores: Sequence[MapScore], folds: ClassIndices) -> Scores:
    """Cut each image's map at the share of its maximum that is best on the other parts.

    Args:
        scores: of one method and class, one an image.
        folds: a number for each image's part.

    Returns:
        The intersection over union of each image; where all images are in one part, at half.
    """
    found = np.array([score.iou for score in scores])
    for fold in np.unique(folds):
        others = [score for score, own in zip(scores, folds, strict=True) if own != fold]
        if others:
            place = _choose(others)
            for row in np.flatnonzero(folds == fold).tolist():
                found[row] = scores[row].ious[place]
    return found


def _choose(scores: Sequence[MapScore]) -> int:
    """The place of the share with the best mean intersection over union."""
    return int(np.argmax(np.mean([score.ious for score in scores], axis=0)))


def _measure(figure: str, values: Scores, clusters: ClassIndices) -> Estimate:
    if figure in _SHARES:
        return measure_proportion(values.astype(np.bool_), clusters).to_estimate()
    return measure_mean(values, clusters).to_estimate()


def _compare(figure: str, first: Scores, second: Scores, clusters: ClassIndices) -> Difference:
    if figure in _SHARES:
        flags = first.astype(np.bool_), second.astype(np.bool_)
        return measure_share_gap(*flags, clusters).to_difference()
    return measure_mean_gap(first, second, clusters).to_difference()
