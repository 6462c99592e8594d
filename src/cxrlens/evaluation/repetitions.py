"""Two ways of learning, each repeated, on the same cases: their mean figures and the difference.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.bootstrap import Resampling, resample_macro_aurocs
from cxrlens.evaluation.cases import AnyCases
from cxrlens.evaluation.controls import gather_answers
from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.patients import TOO_FEW, count_patients
from cxrlens.vocabulary import ClassIndices, Estimate

Answers = tuple[Float64[np.ndarray, "n k"], ClassIndices]
"""Scores, and the fold of each case."""


class RepetitionGap(NamedTuple):
    """What two ways of learning came to."""

    first: Estimate
    """Macro AUROC, the mean over the repetitions."""

    second: Estimate
    """The same of the other."""

    difference: Estimate
    """The first less the second, in [-1, 1]."""


def compare_repetitions(
    first: Sequence[Answers],
    second: Sequence[Answers],
    labels: Float64[np.ndarray, "n k"],
    classes: Sequence[str],
    clusters: ClassIndices,
) -> RepetitionGap:
    """Compare the means of repeated cross-validations.

    Args:
        first: scores and folds of each repetition; compared within folds only.
        second: of the other way.
        labels: 1, 0, NaN not known.
        classes: names of the columns.
        clusters: a number for each case's patient.

    Returns:
        The figures; intervals for other patients, the same drawn for both, the learnt classifiers
        taken as given.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application, 1997, §3.8 (clusters drawn
        whole) and §5.3 (percentiles).
    """
    cases = [
        gather_answers(scores, labels, classes, clusters, folds)
        for scores, folds in (*first, *second)
    ]
    present = _find_present(cases[0])
    if not present:
        undefined = leave_undefined("no class has images with it and without it")
        return RepetitionGap(undefined, undefined, undefined)
    draws = resample_macro_aurocs(cases, present, Resampling(0, 1000))
    own = clusters.astype(np.int64)
    values = resample_macro_aurocs(
        [replace(one, clusters=np.zeros_like(one.clusters)) for one in cases],
        present,
        Resampling(0, 40),
    )[0]
    cut = len(first)
    means = [draws[:, :cut].mean(axis=1), draws[:, cut:].mean(axis=1)]
    found = [float(values[:cut].mean()), float(values[cut:].mean())]
    n = len(cases[0].clusters)
    fewest = count_patients(own)
    return RepetitionGap(
        _show(found[0], means[0], n, fewest),
        _show(found[1], means[1], n, fewest),
        _show(found[0] - found[1], means[0] - means[1], n, fewest),
    )


def _find_present(cases: AnyCases) -> list[int]:
    """Classes with positives and negatives; of two that exclude each other the second."""
    sides = [cases.rank(index).is_positive for index in range(len(cases.classes))]
    present = [index for index, side in enumerate(sides) if side.any() and not side.all()]
    is_pair = len(present) == 2 and bool((sides[present[0]] != sides[present[1]]).all())
    return present[1:] if is_pair else present


def _show(value: float, draws: Float64[np.ndarray, " b"], n: int, n_patients: int) -> Estimate:
    if n_patients < TOO_FEW or not len(draws):
        why = f"no interval: it rests on {n_patients} patients, fewer than {TOO_FEW}"
        return Estimate(value, None, None, n, why)
    low, high = (float(end) for end in np.quantile(draws, [0.025, 0.975]))
    method = "percentile bootstrap of patients, the mean over repetitions"
    return Estimate(value, min(low, value), max(high, value), n, method)
