"""A mean over classes, from what each image does to it.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.macro import combine_class_ends, leave_macro_open, name_left_out
from cxrlens.evaluation.patients import TOO_FEW, Totals
from cxrlens.vocabulary import ClassIndices, Estimate


@dataclass(frozen=True, eq=False)
class ClassPart:
    """The figure of one class and what each of its images does to it."""

    figure: Figure
    """Of the class."""

    errors: Float64[np.ndarray, " n"]
    """How fast the figure changes as each image counts more often; they sum to 0."""

    clusters: ClassIndices
    """A number for each image's patient; the same numbers in all classes."""


def estimate_class_mean(parts: Sequence[ClassPart], left_out: Sequence[str]) -> Estimate:
    """Estimate the mean of the classes' figures.

    Student's t on the logit scale, with the variance of the mean's linear part over patients: an
    image, or a patient, that counts in several classes counts in all of them. Where a class rests
    on few patients that go against the rest, the interval also holds the one put together from
    the classes' own, as in `estimate_macro`.

    Args:
        parts: one a class that has the figure; at least one.
        left_out: names of the classes that have none.

    Returns:
        The mean, in [0, 1]; without ends where a class has fewer than `TOO_FEW` patients.

    Source:
        The infinitesimal jackknife, Efron, The Jackknife, the Bootstrap and Other Resampling
        Plans, 1982, ch. 6, over clusters; Zou and Donner, Stat Med 2008;27:1693-1702 (MOVER).
    """
    figures = [part.figure for part in parts]
    value = float(np.mean([figure.value for figure in figures]))
    n = max(figure.n for figure in figures)
    fewest = min(figure.n_patients for figure in figures)
    if fewest < TOO_FEW:
        return leave_macro_open(value, n, fewest, left_out)
    by_patient = _sum_over_classes(parts)
    variance = float((by_patient**2).sum()) * by_patient.size / (by_patient.size - 1)
    low, high = find_logit_ends(value, variance, float(stdtrit(fewest - 1, 0.975)))
    method = "t by patient over all classes, logit scale"
    if any(figure.is_lean for figure in figures):
        ends = combine_class_ends(value, figures, is_shared=True)
        low, high = min(low, ends[0]), max(high, ends[1])
        method += ", widened to the classes' own intervals: few patients go against the rest"
    return Estimate(value, low, high, n, method + name_left_out(left_out))


def _sum_over_classes(parts: Sequence[ClassPart]) -> Totals:
    """Each patient's part in the error of the mean."""
    clusters = np.concatenate([part.clusters for part in parts])
    errors = np.concatenate([part.errors for part in parts])
    _, position = np.unique(clusters, return_inverse=True)
    return np.asarray(np.bincount(position, weights=errors) / len(parts))
