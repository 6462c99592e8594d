"""The Brier score: how far probabilities lie from what came true.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.means import find_residuals, measure_mean, widen_to_wilson
from cxrlens.evaluation.patients import TOO_FEW, count_effective
from cxrlens.vocabulary import ClassIndices, Flags, Probabilities, Scores


def measure_brier(probabilities: Scores, is_true: Flags, clusters: ClassIndices) -> Figure:
    """Measure the mean squared distance between a probability and what came true.

    0 is perfect; always answering 0.5 scores 0.25, always answering the share p of images that
    have the class scores p (1 - p): a score tells little without that share. It falls with better
    ranking and with better calibration, and does not say which. The interval is that of
    `measure_mean`; where fewer than `TOO_FEW` patients make up the spread (a confident model that
    is hardly ever wrong) it also holds Wilson's with patients in place of images.

    Args:
        probabilities: of the class, one an image, in [0, 1]; at least one.
        is_true: whether each image has it.
        clusters: a number for each image's patient.

    Returns:
        The score, in [0, 1].

    Source:
        Brier, Monthly Weather Review 1950;78:1-3, halved: his sum runs over both answers, yes and
        no, whose distances are the same.

    Example:
        >>> import numpy as np
        >>> figure = measure_brier(np.array([0.9, 0.2]), np.array([True, False]), np.arange(2))
        >>> round(figure.value, 3)
        0.025
    """
    return _measure((probabilities.astype(np.float64) - is_true) ** 2, clusters)


def measure_brier_of_classes(
    probabilities: Probabilities, truth: ClassIndices, clusters: ClassIndices
) -> Figure:
    """Measure the Brier score of classes that exclude each other.

    Half of Brier's sum over the classes, so that it lies in [0, 1] and is `measure_brier`'s of
    either class where there are two; scikit-learn's `brier_score_loss` with `scale_by_half=True`.

    Args:
        probabilities: one row an image, one column a class; rows sum to 1.
        truth: index into the columns, one an image; at least one.
        clusters: a number for each image's patient.

    Returns:
        The score, in [0, 1].

    Source:
        Brier, Monthly Weather Review 1950;78:1-3, eq. 2, halved.

    Example:
        >>> import numpy as np
        >>> sure, unsure = [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]
        >>> figure = measure_brier_of_classes(
        ...     np.array([sure, unsure]), np.array([1, 0]), np.arange(2)
        ... )
        >>> figure.value
        0.125
    """
    distances = probabilities.astype(np.float64) - np.eye(probabilities.shape[1])[truth]
    # rows sum to 1 but for rounding
    return _measure(np.minimum((distances**2).sum(axis=1) / 2, 1.0), clusters)


def _measure(distances: Float64[np.ndarray, " n"], clusters: ClassIndices) -> Figure:
    figure = measure_mean(distances, clusters)
    if figure.is_lean or count_effective(find_residuals(distances, clusters)) >= TOO_FEW:
        return figure
    return widen_to_wilson(figure, clusters, "few make it up")
