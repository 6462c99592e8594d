"""Images belong to patients: what that does to sums and counts.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64

from cxrlens.vocabulary import ClassIndices, Flags, Scores

TOO_FEW = 5
"""Below so many patients no interval is given, and no spread is believed.

The usual least expected count for large-sample theory (Cochran, Biometrics 1954;10:417-451).
"""

Totals = Float64[np.ndarray, " patients"]
"""One number a patient."""


def sum_by_patient(values: Scores | Flags, clusters: ClassIndices) -> Totals:
    """Add up the values of each patient's images.

    Args:
        values: one number an image.
        clusters: a number for each image's patient; gaps between the numbers do not matter.

    Returns:
        One sum a patient that occurs, in ascending order of its number.

    Example:
        >>> import numpy as np
        >>> sum_by_patient(np.array([1.0, 2.0, 4.0]), np.array([7, 3, 7]))
        array([2., 5.])
    """
    _, position = np.unique(clusters, return_inverse=True)
    return np.bincount(position, weights=values).astype(np.float64)


def count_patients(clusters: ClassIndices) -> int:
    """Count the patients that occur.

    Example:
        >>> import numpy as np
        >>> count_patients(np.array([7, 3, 7]))
        2
    """
    return int(np.unique(clusters).size)


def count_deviating(clusters: ClassIndices, values: Scores, side: Flags) -> int:
    """Count the patients of one side with an image whose value is not the side's median.

    Args:
        clusters: a number for each image's patient.
        values: one number an image.
        side: which images are looked at; at least one.
    """
    deviates = values[side] != np.median(values[side])
    return count_patients(clusters[side][deviates])


def count_effective(totals: Totals) -> float:
    """Count how many patients a sum of squares really rests on.

    Args:
        totals: each patient's part in an error.

    Returns:
        The number of patients with equal parts whose squares would spread as much: all of them
        where the parts are alike, near 1 where one outweighs the rest, 0 where all are 0.

    Source:
        The participation ratio (Bell and Dean, Discuss Faraday Soc 1970;50:55-61), with squared
        parts; Kish's effective sample size with them as weights.

    Example:
        >>> import numpy as np
        >>> count_effective(np.array([1.0, -1.0, 1.0, 0.0]))
        3.0
    """
    squares = totals**2
    most = float(squares.max(initial=0.0))
    if most == 0:
        return 0.0
    shares = squares / most  # so that no square of a square falls below the smallest number
    return float(shares.sum() ** 2 / (shares**2).sum())


def find_sizes(clusters: ClassIndices) -> Totals:
    """Count each patient's images, in ascending order of the patient's number."""
    return sum_by_patient(np.ones(clusters.size), clusters)


def find_worst_design_effect(clusters: ClassIndices) -> float:
    """Find by how much patients widen a variance if all images of a patient agree.

    Returns:
        The sum of the squared numbers of images a patient, divided by the number of images: 1
        where each patient has one image, s where each has s.

    Source:
        Kish, Survey Sampling, 1965: the design effect 1 + (s - 1) times the correlation within
        a cluster, with a correlation of 1 and unequal sizes.

    Example:
        >>> import numpy as np
        >>> find_worst_design_effect(np.array([0, 0, 1, 1]))
        2.0
    """
    return float((find_sizes(clusters) ** 2).sum() / clusters.size)
