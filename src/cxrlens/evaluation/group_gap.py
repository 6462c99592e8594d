"""The gap between one figure of two groups, which may share patients.

SPDX-License-Identifier: Apache-2.0
"""

import math

from scipy.special import ndtri

from cxrlens.evaluation.gap import Span, combine_ends
from cxrlens.evaluation.proportions import Z95
from cxrlens.evaluation.subgroup_records import GroupGap
from cxrlens.vocabulary import Estimate


def compare_pair(
    names: tuple[str, str],
    pair: tuple[Estimate, Estimate],
    n_comparisons: int,
    correlation: float,
) -> GroupGap:
    """Compare the two groups that lie farthest apart in a figure.

    The ends of the difference are put together from the ends of the two figures (MOVER), after
    these were moved outwards from 95 % to the level that Bonferroni asks for so many comparisons:
    proportionally on the arcsine scale, on which the spread of a share does not depend on the
    share.

    Args:
        names: of the group with the larger figure and of that with the smaller.
        pair: their figures, both with ends, in [0, 1].
        n_comparisons: how many pairs and figures this one was picked from, at least 1.
        correlation: of the errors of the two figures, in [-1, 1]; 0 without common patients.

    Source:
        Zou, Psychol Methods 2007;12:399-413 (MOVER); Anscombe, Biometrika 1948;35:246-254
        (arcsine); Dunn, J Am Stat Assoc 1961;56:52-64 (Bonferroni's intervals).

    Example:
        >>> women, men = Estimate(0.9, 0.8, 0.95, 60, "w"), Estimate(0.6, 0.5, 0.7, 60, "w")
        >>> compare_pair(("F", "M"), (women, men), 1, 0.0).is_beyond_chance
        True
    """
    quantile = -float(ndtri(0.025 / n_comparisons))
    spans = [_widen(one, quantile / Z95) for one in pair]
    low, high = combine_ends(spans[0], spans[1], correlation)
    value = spans[0].value - spans[1].value
    method = f"MOVER of the groups' own intervals, Bonferroni for {n_comparisons} comparisons"
    if correlation:
        method += f", with a correlation of {correlation:.2f} by common patients"
    difference = Estimate(
        value,
        min(max(low, -1.0), value),
        max(min(high, 1.0), value),
        sum(one.n for one in pair),
        method,
    )
    return GroupGap(names[0], names[1], difference, low > 0)


def _widen(estimate: Estimate, factor: float) -> Span:
    """Move the ends outwards on the arcsine scale."""
    value, low, high = (
        math.asin(math.sqrt(min(max(end or 0.0, 0.0), 1.0)))
        for end in (estimate.value, estimate.low, estimate.high)
    )
    ends = (
        max(value - factor * (value - low), 0.0),
        min(value + factor * (high - value), math.pi / 2),
    )
    return Span(estimate.value or 0.0, math.sin(ends[0]) ** 2, math.sin(ends[1]) ** 2)
