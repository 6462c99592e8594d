"""An interval that is symmetrical on the logit scale.

SPDX-License-Identifier: Apache-2.0
"""

import math

from scipy.special import expit


def find_logit_ends(value: float, variance: float, quantile: float) -> tuple[float, float]:
    """Find the ends of an interval that is symmetrical on the logit scale.

    Args:
        value: the estimate, in [0, 1].
        variance: of the estimate, at least 0.
        quantile: how many standard errors the interval reaches to either side.

    Returns:
        The lower and the upper end, in [0, 1]; both the value itself where it is 0 or 1 or the
        variance is 0: the caller must then know better.

    Source:
        Pepe, The Statistical Evaluation of Medical Tests, 2003, §5.2 (delta method on the
        logit).

    Example:
        >>> low, high = find_logit_ends(0.9, 0.02**2, 1.96)
        >>> print(f"{low:.3f} {high:.3f}")
        0.853 0.933
    """
    spread = value * (1 - value)
    if spread <= 0 or variance <= 0:
        return value, value
    centre = math.log(value) - math.log1p(-value)
    reach = quantile * math.sqrt(variance) / spread
    return min(float(expit(centre - reach)), value), max(float(expit(centre + reach)), value)
