"""Means of shares between 0 and 1, with intervals that know about patients.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from scipy.special import stdtrit

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.patients import (
    TOO_FEW,
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
    if is_lean:
        effective = values.size / find_worst_design_effect(clusters)
        ends = find_wilson_ends(mean, effective)
        low, high = min(low, ends[0]), max(high, ends[1])
        method += ", widened to Wilson on patients: few differ"
    return Figure(mean, low, high, values.size, n_patients, is_lean, method)


def find_ratio_variance(values: Scores, clusters: ClassIndices) -> float:
    """Find the variance of the mean over images, by the ratio estimator over patients.

    Args:
        values: one number an image; at least one.
        clusters: a number for each image's patient.

    Source:
        Cochran, Sampling Techniques, 3rd ed. 1977, §6.3.
    """
    residuals = sum_by_patient(values, clusters) - values.mean() * find_sizes(clusters)
    n_patients = residuals.size
    correction = n_patients / max(n_patients - 1, 1)
    return float(correction * (residuals**2).sum() / values.size**2)
