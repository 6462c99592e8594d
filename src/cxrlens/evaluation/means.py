"""Means of shares between 0 and 1, with intervals that know about patients.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.patients import (
    TOO_FEW,
    Totals,
    count_deviating,
    count_patients,
    find_sizes,
    find_worst_design_effect,
    sum_by_patient,
)
from cxrlens.evaluation.proportions import find_wilson_ends
from cxrlens.vocabulary import ClassIndices, Scores


def measure_mean(values: Scores, clusters: ClassIndices) -> Figure:
    """Measure the mean over images of a number between 0 and 1.

    Student's t with patients less one, on the logit scale, with the variance of the ratio
    estimator over patients. Where fewer than `TOO_FEW` patients differ from the median (all maps
    beside the point), the spread seen is not believed alone: the interval also holds Wilson's
    with patients in place of images, since no number in [0, 1] spreads more than a yes or no.

    Args:
        values: one number an image, in [0, 1]; at least one.
        clusters: a number for each image's patient.

    Returns:
        The mean, in [0, 1].

    Source:
        Cochran, Sampling Techniques, 3rd ed. 1977, §6.3 (ratio estimator); Wilson, JASA
        1927;22:209-212.
    """
    mean = float(values.mean())
    n_patients = count_patients(clusters)
    method = "t by patient, logit scale"
    variance = find_ratio_variance(values, clusters)
    quantile = float(stdtrit(max(n_patients - 1, 1), 0.975))
    low, high = find_logit_ends(mean, variance, quantile)
    everyone = np.ones(values.size, dtype=np.bool_)
    is_lean = count_deviating(clusters, values, everyone) < TOO_FEW
    figure = Figure(mean, low, high, values.size, n_patients, is_lean, method)
    return widen_to_wilson(figure, clusters, "few differ") if is_lean else figure


def widen_to_wilson(figure: Figure, clusters: ClassIndices, why: str) -> Figure:
    """Let the interval of a mean also hold Wilson's, with patients in place of images.

    Args:
        figure: a mean over images of numbers between 0 and 1.
        clusters: a number for each image's patient.
        why: what is said of it in the method.

    Returns:
        The figure, lean.
    """
    low, high = find_wilson_ends(figure.value, figure.n / find_worst_design_effect(clusters))
    return replace(
        figure,
        low=min(figure.low, low),
        high=max(figure.high, high),
        is_lean=True,
        method=f"{figure.method}, widened to Wilson on patients: {why}",
    )


def find_ratio_variance(values: Scores, clusters: ClassIndices) -> float:
    """Find the variance of the mean over images, by the ratio estimator over patients.

    Args:
        values: one number an image; at least one.
        clusters: a number for each image's patient.

    Source:
        Cochran, Sampling Techniques, 3rd ed. 1977, §6.3.
    """
    residuals = find_residuals(values, clusters)
    n_patients = residuals.size
    correction = n_patients / max(n_patients - 1, 1)
    return float(correction * (residuals**2).sum() / values.size**2)


def find_residuals(values: Scores, clusters: ClassIndices) -> Totals:
    """Find by how much each patient's sum differs from what the mean over images would make it.

    Args:
        values: one number an image; at least one.
        clusters: a number for each image's patient.
    """
    sizes = find_sizes(clusters)
    return np.asarray(sum_by_patient(values, clusters) - values.mean() * sizes)
