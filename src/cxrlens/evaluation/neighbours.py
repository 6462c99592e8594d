"""How far an image's features lie from those of other images, and how rare that is.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float, Float32

from cxrlens.vocabulary import Scores

UnitFeatures = Float32[np.ndarray, "n features"]
"""Rows of length 1; one that was zero everywhere stays so, one that was not finite is NaN."""


def scale_to_unit(features: Float[np.ndarray, "n features"]) -> UnitFeatures:
    """Scale every row to length 1.

    Args:
        features: one row an image.

    Returns:
        The rows; NaN in all places where one of them is not finite.

    Example:
        >>> import numpy as np
        >>> scale_to_unit(np.array([[3.0, 4.0], [0.0, 0.0]])).round(1).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    rows = features.astype(np.float64)
    largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    is_finite = np.isfinite(largest)
    # Divided twice, so that no square of a large feature is infinite.
    rows = np.where(is_finite, rows, np.nan) / np.where(is_finite & (largest > 0), largest, 1.0)
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return (rows / np.where(length > 0, length, 1.0)).astype(np.float32)


def measure_neighbour_distances(
    queries: UnitFeatures, bank: Float32[np.ndarray, "bank features"], k: int
) -> Scores:
    """Measure how far each image lies from its k-th nearest of a bank.

    Args:
        queries: images that are not in the bank.
        bank: B images of length 1 too, all finite.
        k: 1 to B.

    Returns:
        One Euclidean distance an image, in [0, 2], to about 1e-3 (float32, as the cosine gives
        it); infinite where an image is NaN.

    Source:
        Y. Sun et al., Out-of-distribution detection with deep nearest neighbors, ICML 2022.

    Example:
        >>> import numpy as np
        >>> rows = scale_to_unit(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
        >>> measure_neighbour_distances(rows[:1], rows[1:], 2).tolist()
        [2.0]
    """
    # Not all have length 1: a row of zeros has none, and 16 bits round it.
    lengths = [np.einsum("nf,nf->n", rows, rows) for rows in (queries, bank)]
    squares = lengths[0][:, None] - 2 * (queries @ bank.T) + lengths[1]
    nearest = np.partition(squares, k - 1, axis=1)[:, k - 1].astype(np.float64)
    return np.where(np.isnan(nearest), np.inf, np.sqrt(np.clip(nearest, 0, 4)))


def find_conformal_p_values(
    distances: Scores, calibrating: Float[np.ndarray, " calibrating"]
) -> Scores:
    """Say how often an image like the calibrating ones lies at least as far away.

    Args:
        distances: of the images that are asked about.
        calibrating: of n images that stand for the usual ones, in ascending order.

    Returns:
        One conformal p-value an image, (1 + #{calibrating >= distance}) / (n + 1). Where the image
        is like the calibrating ones (exchangeable with them) it is at most p with probability p at
        most.

    Source:
        V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005; S. Bates et
        al., Testing for outliers with conformal p-values, Ann Stat 2023;51:149-178.

    Example:
        >>> import numpy as np
        >>> find_conformal_p_values(np.array([0.0, 0.3, 9.0]), np.array([0.1, 0.2, 0.3])).tolist()
        [1.0, 0.5, 0.25]
    """
    n_as_far = len(calibrating) - np.searchsorted(calibrating, distances, side="left")
    return np.asarray((1 + n_as_far) / (len(calibrating) + 1))
