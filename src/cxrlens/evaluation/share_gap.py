"""The gap between two shares of right decisions about the same images.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.auroc import Spread
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.gap import Gap, find_correlation
from cxrlens.evaluation.means import find_ratio_variance
from cxrlens.evaluation.patients import (
    TOO_FEW,
    count_deviating,
    count_patients,
    find_sizes,
    sum_by_patient,
)
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import ClassIndices, Flags


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
    moved = first.astype(np.float64) - second
    variances = [find_ratio_variance(one.astype(np.float64), clusters) for one in (first, second)]
    variance = find_ratio_variance(moved, clusters)
    everyone = np.ones(moved.size, dtype=np.bool_)
    return Gap(
        first=measure_proportion(first, clusters),
        second=measure_proportion(second, clusters),
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
