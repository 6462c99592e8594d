"""How many cases it takes to be sure of a sensitivity, or of a miss rate.

SPDX-License-Identifier: Apache-2.0
"""

import math

from scipy.special import bdtr

from cxrlens.evaluation.proportions import Z95
from cxrlens.vocabulary import InputError

FEWEST_TO_CERTIFY = 59
"""Positives that must all be found before a miss rate above 5 % can be ruled out: the smallest n
with 0.95^n below 0.05."""


def count_needed_positives(seen: float, wanted: float) -> int | None:
    """Count the positives at which the interval of a sensitivity lies above a bound.

    It plans: so many positives would do if what was seen stays as it is. It promises nothing, and
    the interval is for one look; `count_positives_to_certify` is for promises.

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


def count_positives_to_certify(risk: float, delta: float, misses: int = 0) -> int:
    """Count the positives that a promised miss rate needs.

    The floor under a certificate, whatever the model: with fewer no threshold can be certified. It
    is known before anything was seen, unlike `count_needed_positives`.

    Args:
        risk: the miss rate that is promised, in (0, 1).
        delta: how often the promise may be broken, in (0, 1): its confidence is 1 - delta.
        misses: how many of the positives may be missed, at least 0.

    Returns:
        The smallest number of positives, one a patient, of which so many missed speak against a
        miss rate above `risk` at level `delta` (exact binomial test).

    Raises:
        InputError: if a number lies outside its range.

    Source:
        Clopper and Pearson, Biometrika 1934;26:404-413; without a miss (1 - risk)^n <= delta
        (Hanley and Lippman-Hand, JAMA 1983;249:1743-1745).

    Example:
        >>> [count_positives_to_certify(risk, 0.05) for risk in (0.05, 0.02, 0.01)]
        [59, 149, 299]
    """
    for name, value in (("miss rate", risk), ("share of broken promises", delta)):
        if not 0 < value < 1:
            raise InputError(f"a promised {name} lies between 0 and 1; got {value:g}")
    if misses < 0:
        raise InputError(f"misses are counted from 0; got {misses}")
    low, high = misses, misses + 1  # of `misses` positives, so many missed speak for nothing
    while bdtr(misses, high, risk) > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if bdtr(misses, middle, risk) > delta:
            low = middle
        else:
            high = middle
    return high
