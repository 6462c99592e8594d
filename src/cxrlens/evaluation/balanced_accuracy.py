"""Balanced accuracy of one class: the mean of sensitivity and specificity.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.gap import Span, combine_ends
from cxrlens.evaluation.patients import sum_by_patient
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import ClassIndices, Flags


def measure_balanced_accuracy(
    is_true: Flags, is_decided: Flags, clusters: ClassIndices
) -> Figure | None:
    """Measure the mean of sensitivity and specificity.

    The interval is put together from those of the two (Wilson's, by patient), with the
    correlation that patients with images of both kinds make between them. Guessing reaches 0.5.

    Args:
        is_true: whether each image has the class.
        is_decided: whether each image is decided for it.
        clusters: a number for each image's patient.

    Returns:
        The balanced accuracy, in [0, 1], on the patients of the rarer side; None where there are
        no images with the class, or none without it.

    Source:
        Brodersen et al., ICPR 2010:3121-3124; the interval: MOVER, Zou, Psychol Methods
        2007;12:399-413.

    Example:
        >>> import numpy as np
        >>> is_true = np.array([True, True, False, False])
        >>> is_decided = np.array([True, False, False, False])
        >>> measure_balanced_accuracy(is_true, is_decided, np.arange(4)).value
        0.75
    """
    if is_true.all() or not is_true.any():
        return None
    found = measure_proportion(is_decided[is_true], clusters[is_true])
    left = measure_proportion(~is_decided[~is_true], clusters[~is_true])
    # sensitivity less the false positive rate is twice the balanced accuracy less 1
    alarms = Span(1 - left.value, 1 - left.high, 1 - left.low)
    errors = find_balanced_errors(is_true, is_decided)
    of_found, of_left = (sum_by_patient(errors * side, clusters) for side in (is_true, ~is_true))
    spread = math.sqrt(float((of_found**2).sum() * (of_left**2).sum()))
    correlation = -float((of_found * of_left).sum()) / spread if spread else 0.0
    value = (found.value + left.value) / 2
    low, high = ((1 + end) / 2 for end in combine_ends(found, alarms, correlation))
    return Figure(
        value=value,
        low=min(max(low, 0.0), value),
        high=max(min(high, 1.0), value),
        n=is_true.size,
        n_patients=min(found.n_patients, left.n_patients),
        is_lean=found.is_lean or left.is_lean,
        method="sensitivity's and specificity's intervals put together (MOVER), by patient",
    )


def find_balanced_errors(is_true: Flags, is_decided: Flags) -> Float64[np.ndarray, " n"]:
    """Find each image's part in the error of the balanced accuracy; the parts sum to 0.

    Args:
        is_true: whether each image has the class; some do and some do not.
        is_decided: whether each image is decided for it.
    """
    is_right = (is_true == is_decided).astype(np.float64)
    errors = np.zeros(is_true.size)
    for side in (is_true, ~is_true):
        errors[side] = (is_right[side] - is_right[side].mean()) / (2 * side.sum())
    return errors
