"""Proportions of images, with intervals that know about patients.

SPDX-License-Identifier: Apache-2.0
"""

import math

from scipy.special import ndtri, stdtrit

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.patients import (
    TOO_FEW,
    count_patients,
    find_sizes,
    find_worst_design_effect,
    sum_by_patient,
)
from cxrlens.vocabulary import ClassIndices, Flags

Z95 = float(ndtri(0.975))
"""The standard normal distribution's 97.5 % point."""


def measure_proportion(hits: Flags, clusters: ClassIndices) -> Figure:
    """Measure the share of images that are hits.

    The Wilson interval, with the number of images divided by the design effect: how much wider
    the spread between patients makes it than as many unrelated images would be. The design
    effect is never taken below 1. Where fewer than `TOO_FEW` patients have a hit, or a miss,
    nobody can see from them whether a patient's images fail together, and all of them are taken
    to do so. Patients with several images cost degrees of freedom: then Student's t with patients
    less one stands for the normal distribution.

    Args:
        hits: whether each image is a hit; only the images of the denominator.
        clusters: a number for each image's patient.

    Returns:
        The share in [0, 1]; without images 0 with ends 0 and 1, on 0 patients.

    Source:
        Wilson, JASA 1927;22:209-212; design effect by the ratio estimator over clusters, Rao and
        Scott, Biometrics 1992;48:577-585; t by degrees of freedom, Korn and Graubard, Survey
        Methodology 1998;24:193-201.
    """
    if hits.size == 0:
        return Figure(0.0, 0.0, 1.0, 0, 0, True, "no image to take a share of")
    share = float(hits.mean())
    is_lean = min(count_patients(clusters[hits]), count_patients(clusters[~hits])) < TOO_FEW
    effect = _find_design_effect(hits, clusters)
    if is_lean:
        effect = max(effect, find_worst_design_effect(clusters))
    low, high = find_wilson_ends(share, hits.size / effect, _find_quantile(clusters))
    method = f"Wilson, by patient (design effect {effect:.2f})"
    n_patients = count_patients(clusters)
    return Figure(share, low, high, hits.size, n_patients, is_lean, method)


def find_wilson_ends(share: float, n: float, quantile: float = Z95) -> tuple[float, float]:
    """Find the ends of Wilson's interval of a proportion.

    Args:
        share: the proportion, in [0, 1].
        n: the effective number of cases, above 0; need not be whole.
        quantile: the two-sided 95 % point of the distribution used.

    Returns:
        The lower and the upper end, in [0, 1]; the share lies between them.

    Source:
        Wilson, JASA 1927;22:209-212.

    Example:
        >>> low, high = find_wilson_ends(81 / 263, 263.0)
        >>> print(f"{low:.4f} {high:.4f}")
        0.2553 0.3662
    """
    square = quantile**2 / n
    centre = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    # at 0 and 1 the end is the share itself but for rounding
    return min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share)


def _find_design_effect(hits: Flags, clusters: ClassIndices) -> float:
    """The spread of the ratio estimator over patients, in units of that of unrelated images."""
    share = float(hits.mean())
    binomial = share * (1 - share) * hits.size
    if binomial == 0:
        return 1.0
    residuals = sum_by_patient(hits, clusters) - share * find_sizes(clusters)
    return max(float((residuals**2).sum()) / binomial, 1.0)


def _find_quantile(clusters: ClassIndices) -> float:
    """The 97.5 % point: normal where each patient has one image, else Student's t."""
    n_patients = count_patients(clusters)
    if n_patients == clusters.size:
        return Z95
    return float(stdtrit(max(n_patients - 1, 1), 0.975))
