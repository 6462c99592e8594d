"""A prediction table is judged group by group, and the groups are compared.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np

from cxrlens.evaluation.bootstrap import FEWEST_RESAMPLES
from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.group_gap import compare_pair
from cxrlens.evaluation.judging import judge
from cxrlens.evaluation.patients import TOO_FEW, count_patients
from cxrlens.evaluation.proportions import Z95
from cxrlens.evaluation.records import ClassReport, Evaluation
from cxrlens.evaluation.subgroup_records import (
    LEAST_PATIENTS,
    UNKNOWN_GROUP,
    ClassCount,
    GroupFigure,
    GroupGap,
    Subgroup,
    Subgroups,
)
from cxrlens.vocabulary import ClassIndices, Estimate, PredictionTable, TableError

N_PARTS = 20
"""Parts of the common patients that are left out in turn, to see two figures move together."""

_OF_SEVERAL = {"balanced_accuracy", "micro_precision", "micro_recall", "micro_f1"}
"""Not defined where an image has one class: there others are the same."""

_OF_THE_SECOND = {"macro_auroc", "macro_average_precision"}
"""Of two classes that exclude each other the second's own figure."""

FigureKey = tuple[str, str | None]
"""Name of a figure, and the class that it is of; None where it is of all."""


def judge_subgroups(
    table: PredictionTable,
    column: str,
    groups: Sequence[str | None],
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> Subgroups:
    """Judge the images of each group on their own, and name the widest gap of every figure.

    Each figure of a group is what `judge` gives for its rows alone, so that scores of different
    folds are not compared here either. A group of fewer than `LEAST_PATIENTS` patients is counted
    only. A figure of a class is compared between the groups where so many patients have the class
    and so many do not, a mean over classes where this holds of every class that any image has; a
    figure without an interval is not compared, and the images whose group is unknown are not. Of
    the groups that can be compared the two farthest apart are named. Looking for the farthest
    finds a gap even where there is none, so that the interval of the difference is widened for
    all pairs of groups and all figures of the column together (Bonferroni). Where patients have
    images in both groups, how far the two figures err together is measured by leaving out parts
    of those patients.

    Of two classes that exclude each other the figures of the second are taken: those of the first
    are the same by other names.

    Args:
        table: the predictions with truth, patients and folds.
        column: what the groups are of, such as `sex`.
        groups: the group of each row; None means unknown.
        seed: of the bootstrap behind the means over classes.
        resamples: how many times patients are drawn again, at least 40.

    Returns:
        Counts, figures with intervals, and gaps.

    Raises:
        TableError: if there is not one group a row, or no truth is known.
        InputError: if there are too few resamples.

    Source:
        `judge` and `compare_pair` name theirs; the covariance of two figures by leaving out groups
        of patients: Kott, J Off Stat 2001;17:521-526 (delete-a-group jackknife).
    """
    if len(groups) != len(table.images):
        raise TableError(
            f"subgroups need one group a row; got {len(groups)} groups of {column!r} for "
            f"{len(table.images)} rows"
        )
    told = np.array([UNKNOWN_GROUP if one is None else one for one in groups], dtype=object)
    known = table.is_labelled
    names = sorted(set(told[known]), key=lambda name: (name == UNKNOWN_GROUP, name))
    rows = {name: np.flatnonzero(known & (told == name)) for name in names}
    counted = tuple(_count(table, name, rows[name]) for name in names)
    large = [group for group in counted if not group.is_small]
    judged = {
        group.name: list_figures(
            judge(table.arrange(rows[group.name], table.classes), seed=seed, resamples=resamples)
        )
        for group in large
    }
    keys = list(dict.fromkeys(key for figures in judged.values() for key in figures))
    able = {key: _find_able(key, large, judged) for key in keys}
    n_comparisons = sum(len(one) * (len(one) - 1) // 2 for one in able.values())
    shared = _SharedPatients(table, rows)
    small = leave_undefined(f"fewer than {LEAST_PATIENTS} patients in this group")
    figures = tuple(
        GroupFigure(
            name=key[0],
            class_name=key[1],
            estimates=tuple(judged.get(name, {}).get(key, small) for name in names),
            gap=_find_gap(
                key, {name: judged[name][key] for name in able[key]}, n_comparisons, shared
            ),
        )
        for key in keys
    )
    return Subgroups(column, counted, figures, n_comparisons, shared.count())


def list_figures(evaluation: Evaluation) -> dict[FigureKey, Estimate]:
    """List the figures of a judgement: those of all classes, then class by class.

    Whatever the judgement holds as an estimate is a figure, but for those that are the same as
    another by another name. Of two classes that exclude each other those of the second are listed,
    and means that are the second's own are not.

    Args:
        evaluation: any.

    Returns:
        The estimates by name and class; some may be undefined.
    """
    is_binary = len(evaluation.classes) == 2 and not evaluation.is_multilabel
    listed: dict[FigureKey, Estimate] = {
        (name, None): estimate
        for name, estimate in _list_estimates(evaluation)
        if not (is_binary and name in _OF_THE_SECOND)
        and not (name == "accuracy" if evaluation.is_multilabel else name in _OF_SEVERAL)
    }
    for report in evaluation.per_class[1:] if is_binary else evaluation.per_class:
        listed |= {(name, report.class_name): one for name, one in _list_estimates(report)}
    return listed


def _list_estimates(record: Evaluation | ClassReport) -> Iterator[tuple[str, Estimate]]:
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Estimate):
            yield field.name, value


def _count(table: PredictionTable, name: str, rows: ClassIndices) -> Subgroup:
    clusters = table.clusters[rows]
    n_patients = count_patients(clusters)
    counts = []
    for index, class_name in enumerate(table.classes):
        if table.labels is None:
            there = table.truth[rows] == index
            absent = ~there
        else:
            there, absent = table.labels[rows, index] == 1, table.labels[rows, index] == 0
        counts.append(
            ClassCount(
                class_name,
                int(there.sum()),
                count_patients(clusters[there]),
                count_patients(clusters[absent]),
            )
        )
    return Subgroup(name, len(rows), n_patients, tuple(counts), n_patients < LEAST_PATIENTS)


def _find_able(
    key: FigureKey, groups: Sequence[Subgroup], judged: Mapping[str, Mapping[FigureKey, Estimate]]
) -> list[str]:
    """The groups that a figure can be compared between."""
    occurring = {
        count.class_name for group in groups for count in group.counts if count.n_images > 0
    }

    def is_able(group: Subgroup) -> bool:
        estimate = judged[group.name].get(key)
        if group.name == UNKNOWN_GROUP or estimate is None or estimate.low is None:
            return False
        if key == ("accuracy", None):
            return True
        asked = occurring if key[1] is None else {key[1]}
        return all(
            min(one.n_patients, one.n_patients_without) >= LEAST_PATIENTS
            for one in group.counts
            if one.class_name in asked
        )

    able = [group.name for group in groups if is_able(group)]
    return able if len(able) > 1 else []


def _find_gap(
    key: FigureKey,
    estimates: Mapping[str, Estimate],
    n_comparisons: int,
    shared: "_SharedPatients",
) -> GroupGap | None:
    if not estimates:
        return None
    order = sorted(estimates, key=lambda name: estimates[name].value or 0.0)
    lowest, highest = order[0], order[-1]
    pair = estimates[highest], estimates[lowest]
    return compare_pair(
        (highest, lowest), pair, n_comparisons, shared.correlate(key, (highest, lowest), pair)
    )


@dataclass(frozen=True, eq=False)
class _Moves:
    """How figures of two groups move when the same patients are left out of both."""

    first: list[dict[FigureKey, Estimate]]
    second: list[dict[FigureKey, Estimate]]


class _SharedPatients:
    """The patients with images in more than one group."""

    def __init__(self, table: PredictionTable, rows: Mapping[str, ClassIndices]) -> None:
        self._table, self._rows = table, rows
        self._clusters = table.clusters
        self._moves: dict[frozenset[str], _Moves] = {}

    def count(self) -> int:
        """How many there are."""
        shared: set[int] = set()
        for pair in combinations(self._rows, 2):
            shared |= set(self._find(pair).tolist())
        return len(shared)

    def correlate(
        self, key: FigureKey, pair: tuple[str, str], estimates: tuple[Estimate, Estimate]
    ) -> float:
        """Find the correlation of the errors of one figure in two groups.

        Without common patients, or with fewer than `TOO_FEW`, it is taken as 0: the errors of
        images of one patient are alike, so that this makes an interval too wide rather than too
        narrow.
        """
        patients = self._find(pair)
        if patients.size < TOO_FEW:
            return 0.0
        moves = self._measure(pair, patients)
        steps = []
        for judged, whole in zip((moves.first, moves.second), estimates, strict=True):
            values = [one[key].value if key in one else None for one in judged]
            steps.append([None if v is None else v - (whole.value or 0.0) for v in values])
        both = [(a, b) for a, b in zip(*steps, strict=True) if a is not None and b is not None]
        covariance = sum(a * b for a, b in both)
        spread = np.prod([((one.high or 0) - (one.low or 0)) / (2 * Z95) for one in estimates])
        return float(np.clip(covariance / spread, -0.9, 0.9)) if spread > 0 else 0.0

    def _find(self, pair: tuple[str, ...]) -> ClassIndices:
        first, second = (self._clusters[self._rows[name]] for name in pair)
        return np.intersect1d(first, second)

    def _measure(self, pair: tuple[str, str], patients: ClassIndices) -> _Moves:
        if frozenset(pair) not in self._moves:
            order = np.random.default_rng(0).permutation(patients)
            parts = np.array_split(order, min(N_PARTS, order.size))
            first, second = (
                [self._judge_without(name, part) for part in parts] for name in sorted(pair)
            )
            self._moves[frozenset(pair)] = _Moves(first, second)
        moves = self._moves[frozenset(pair)]
        return moves if pair[0] < pair[1] else _Moves(moves.second, moves.first)

    def _judge_without(self, name: str, patients: ClassIndices) -> dict[FigureKey, Estimate]:
        rows = self._rows[name]
        kept = rows[~np.isin(self._clusters[rows], patients)]
        if kept.size == 0:
            return {}
        left = self._table.arrange(kept, self._table.classes)
        return list_figures(judge(left, resamples=FEWEST_RESAMPLES))
