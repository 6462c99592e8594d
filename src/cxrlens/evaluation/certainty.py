"""How many cases it takes to be sure of a sensitivity.

SPDX-License-Identifier: Apache-2.0
"""

import math

from cxrlens.evaluation.proportions import Z95

FEWEST_TO_CERTIFY = 59
"""Positives that must all be found before a miss rate above 5 % can be ruled out: the smallest n
with 0.95^n below 0.05."""


def count_needed_positives(seen: float, wanted: float) -> int | None:
    """Count the positives at which the interval of a sensitivity lies above a bound.

    Args:
        seen: the sensitivity, in [0, 1], if it stays as it is.
        wanted: what the lower end of its 95 % interval (Wilson's) is to reach, in (0, 1).

    Returns:
        Positives of unrelated patients; None where what is seen is no better than what is wanted,
        so that no number would be enough.

    Source:
        Wilson's interval is the score test turned round: its lower end is the bound where
        (seen - wanted)² n = z² wanted (1 - wanted).

    Example:
        >>> count_needed_positives(0.98, 0.95)
        203
    """
    if seen <= wanted:
        return None
    return math.ceil(Z95**2 * wanted * (1 - wanted) / (seen - wanted) ** 2)
