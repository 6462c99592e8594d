"""How long readings took.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.patients import TOO_FEW
from cxrlens.vocabulary import Scores


@dataclass(frozen=True)
class ReadingSeconds:
    """How long the readings of one level took."""

    level: str
    """The level, such as `shadow`."""

    n_readings: int
    """Readings made at it."""

    n_timed: int
    """Those among them with a time; the rest plays no part."""

    median: float | None
    """Seconds that half of them took no longer than; None where none was timed."""

    lower_quartile: float | None
    """Seconds that a quarter took no longer than; None where fewer than `TOO_FEW` were timed."""

    upper_quartile: float | None
    """Seconds that three quarters took no longer than; None where so few were timed."""


def measure_seconds(seconds: Scores, levels: Sequence[str]) -> tuple[ReadingSeconds, ...]:
    """Find the median and the quartiles of the reading times of each level.

    Times of different levels are of different cases, read by maybe other people in another order:
    that one median is shorter does not say why.

    Args:
        seconds: one a reading, at least 0; NaN where it was not timed.
        levels: of each reading.

    Returns:
        One record a level, in the order of their names.

    Source:
        Quartiles as definition 7 of Hyndman and Fan, Am Stat 1996;50:361-365.

    Example:
        >>> import numpy as np
        >>> told, = measure_seconds(np.array([10.0, 20.0, 30.0, 40.0, 90.0]), ["shadow"] * 5)
        >>> told.lower_quartile, told.median, told.upper_quartile
        (20.0, 30.0, 40.0)
    """
    named = np.array(levels, dtype=object)
    return tuple(_measure_level(level, seconds[named == level]) for level in sorted(set(levels)))


def _measure_level(level: str, seconds: Scores) -> ReadingSeconds:
    timed = seconds[np.isfinite(seconds)]
    if timed.size == 0:
        return ReadingSeconds(level, seconds.size, 0, None, None, None)
    lower, median, upper = np.quantile(timed, [0.25, 0.5, 0.75]).tolist()
    if timed.size < TOO_FEW:
        return ReadingSeconds(level, seconds.size, timed.size, median, None, None)
    return ReadingSeconds(level, seconds.size, timed.size, median, lower, upper)
