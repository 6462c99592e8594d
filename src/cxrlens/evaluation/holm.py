"""P-values of several questions, adjusted for asking all of them.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence


def adjust_p_values(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust p-values for having looked at all of them.

    Args:
        p_values: one a question; None where there is none, which counts as no question.

    Returns:
        The adjusted ones in the same order, at most 1; None stays None.

    Source:
        Holm, Scand J Stat 1979;6:65-70.

    Example:
        >>> adjust_p_values([0.04, None, 0.01])
        (0.04, None, 0.02)
    """
    known = [(one, place) for place, one in enumerate(p_values) if one is not None]
    adjusted: dict[int, float] = {}
    largest = 0.0
    for rank, (p_value, place) in enumerate(sorted(known)):
        largest = max(largest, min(p_value * (len(known) - rank), 1.0))
        adjusted[place] = largest
    return tuple(adjusted.get(place) for place in range(len(p_values)))
