"""The gap between two shares, or two means of shares, of the same images.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.auroc import Spread
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.gap import Gap, find_correlation
from cxrlens.evaluation.means import find_ratio_variance, measure_mean
from cxrlens.evaluation.patients import (
    TOO_FEW,
    count_deviating,
    count_patients,
    find_sizes,
    sum_by_patient,
)
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import ClassIndices, Flags, Scores


def measure_share_gap(first: Flags, second: Flags, clusters: ClassIndices) -> Gap:
    """Measure how much more often one model is right than another.

    Args:
        first: whether the model that is asked about is right, one an image; at least one.
        second: whether the other is.
        clusters: a number for each image's patient.

    Returns:
        The gap, with the variance of the ratio estimator over patients of the paired differences
        -1, 0, 1.

    Source:
        Cochran, Sampling Techniques, 3rd ed. 1977, §6.3.
    """
    figures = measure_proportion(first, clusters), measure_proportion(second, clusters)
    return _pair(first.astype(np.float64), second.astype(np.float64), clusters, figures)


def measure_mean_gap(first: Scores, second: Scores, clusters: ClassIndices) -> Gap:
    """Measure by how much one mean of numbers in [0, 1] is above another of the same images.

    Args:
        first: of the method that is asked about, one an image; at least one.
        second: of the other.
        clusters: a number for each image's patient.

    Returns:
        The gap, as that of `measure_share_gap`.

    Source:
        Cochran, Sampling Techniques, 3rd ed. 1977, §6.3.
    """
    figures = measure_mean(first, clusters), measure_mean(second, clusters)
    return _pair(first, second, clusters, figures)


def _pair(
    first: Scores, second: Scores, clusters: ClassIndices, figures: tuple[Figure, Figure]
) -> Gap:
    moved = first - second
    variances = [find_ratio_variance(one, clusters) for one in (first, second)]
    variance = find_ratio_variance(moved, clusters)
    everyone = np.ones(moved.size, dtype=np.bool_)
    return Gap(
        first=figures[0],
        second=figures[1],
        spread=Spread(variance, float(max(count_patients(clusters) - 1, 1))),
        correlation=find_correlation(variances[0], variances[1], variance),
        is_lean=count_deviating(clusters, moved, everyone) < TOO_FEW,
        method="t by patient, of the paired difference",
    )


def resample_share_gap(
    first: Flags, second: Flags, clusters: ClassIndices, resampling: Resampling
) -> Float64[np.ndarray, " b"]:
    """Draw patients again, and take the difference of the shares in each resample.

    Args:
        first: as for `measure_share_gap`.
        second: likewise.
        clusters: likewise.
        resampling: how often, and by which chance.

    Returns:
        The differences.
    """
    moved = sum_by_patient(first.astype(np.float64) - second, clusters)
    sizes = find_sizes(clusters)
    return np.concatenate(
        [(weights @ moved) / (weights @ sizes) for weights in resampling.draw(moved.size)]
    )
