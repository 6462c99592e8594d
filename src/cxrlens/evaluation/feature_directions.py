"""Features become a few numbers that can be charted.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

N_DIRECTIONS = 3
"""Directions that are charted one by one; a chart each costs every other some of its power."""

Features = Float[np.ndarray, "n d"]
"""One row a case."""


@dataclass(frozen=True, eq=False)
class FeatureDirections:
    """The directions in which features vary most, and the rest."""

    mean: Float64[np.ndarray, " d"]
    """Of each feature."""

    scale: Float64[np.ndarray, " d"]
    """Standard deviation of each feature; 1 where it never varies."""

    directions: Float64[np.ndarray, "k d"]
    """Unit vectors at right angles, in units of `scale`."""

    def project(self, features: Features) -> Float64[np.ndarray, "n columns"]:
        """Turn features into their parts along the directions, and how far they lie off them.

        Args:
            features: n x d.

        Returns:
            n x (k + 1): along each direction, and the length of what is left (root mean square
            over features): a change in any other direction shows there.
        """
        scaled = (features.astype(np.float64) - self.mean) / self.scale
        along = scaled @ self.directions.T
        rest = scaled - along @ self.directions
        return np.column_stack([along, np.sqrt((rest**2).mean(axis=1))])


def fit_directions(features: Features) -> FeatureDirections:
    """Find the directions in which features vary most.

    Args:
        features: n x d, at least two cases; not those that are compared later, since the rest is
            smaller where the directions were fitted.

    Returns:
        `N_DIRECTIONS` of them, or as many as features or cases allow.

    Source:
        Principal components: Pearson, Philos Mag 1901;2:559-572; the rest as a chart of its own:
        Jackson and Mudholkar, Technometrics 1979;21:341-349.
    """
    own = features.astype(np.float64)
    mean, spread = own.mean(axis=0), own.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    _, _, directions = np.linalg.svd((own - mean) / scale, full_matrices=False)
    return FeatureDirections(mean, scale, directions[:N_DIRECTIONS])
