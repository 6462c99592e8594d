"""How a cumulative sum of disagreements is built, by how seldom it may be wrong.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded

from cxrlens.vocabulary import InputError

_CLOSE = 0.02
"""How far, relatively, the whole steps may lie off the ratio that is best."""

_LARGEST_STEP = 50
"""The largest step down that is tried, and how far whole numbers can tell two shares apart."""

_LARGEST_RISE = 1000
"""The largest step up that is tried: disagreements in one case of a thousand or so."""

_LONGEST = 1e9
"""The longest run length: beyond it rounding shows, and nobody reads so many cases."""

_HIGHEST = 20_000
"""The largest limit that is tried, in steps."""


@dataclass(frozen=True)
class CusumDesign:
    """A sum of disagreements that never falls below 0, and the limit at which it alarms."""

    usual: float
    """Share of cases in which reader and machine differ as long as nothing changes."""

    worse: float
    """The share that is to be found out soonest."""

    down: int
    """By how much the sum falls with a case in which they agree, at least 1."""

    up: int
    """By how much it rises with one in which they differ, at least 1."""

    limit: int
    """Alarm where the sum is at least this."""

    run_length: float
    """Cases until an alarm, on average, if nothing changes; exact."""

    delay: float
    """Cases until an alarm, on average, if they differ in `worse` of them from the first case on;
    exact."""


def design_cusum(usual: float, worse: float, run_length: float) -> CusumDesign:
    """Design a cumulative sum by how seldom it may alarm though nothing has changed.

    Of all charts that alarm falsely as seldom, the one with steps in the ratio of the two
    log-likelihoods finds a change to `worse` soonest. The steps are rounded to small whole
    numbers, so that the sum has few values and its run length can be had exactly, by the linear
    equations of its Markov chain, and not from an approximation.

    Args:
        usual: share of disagreements while nothing changes, in (0, 1), such as that of the shadow
            period. If it was taken from few cases, the true run length may be far from the one
            designed for: see `find_run_length` at the ends of its interval.
        worse: the share to find out, above `usual`, below 1.
        run_length: cases until a false alarm, on average, at least; 1 to 10⁹.

    Returns:
        The design with the smallest limit that reaches the run length.

    Raises:
        InputError: if a number is out of its range, or no limit reaches the run length.

    Source:
        Page, Biometrika 1954;41:100-115; for single answers of yes and no, with steps in whole
        numbers: Reynolds and Stoumbos, J Qual Technol 1999;31:87-108; run length by Markov chain:
        Brook and Evans, Biometrika 1972;59:539-549; no chart is sooner: Moustakides, Ann Stat
        1986;14:1379-1387.

    Example:
        >>> design = design_cusum(0.1, 0.2, 2000.0)
        >>> design.down, design.up, design.limit, round(design.run_length), round(design.delay)
        (1, 6, 37, 2140, 78)
    """
    if not 0 < usual < worse < 1 or not 1 <= run_length <= _LONGEST:
        raise InputError(
            "a chart of disagreements needs 0 < usual < worse < 1 and a run length of 1 to "
            f"{_LONGEST:g} cases; got {usual:g}, {worse:g} and {run_length:g}"
        )
    down, up = _find_steps(usual, worse)
    low, high = 0, 1
    while find_run_length(down, up, high, usual) < run_length:
        low, high = high, 2 * high
        if high > _HIGHEST:
            raise InputError(
                f"shares of {usual:g} and {worse:g} are too close to be told apart with a false "
                f"alarm in {run_length:g} cases; ask for a larger change or a shorter run length"
            )
    while high - low > 1:
        middle = (low + high) // 2
        if find_run_length(down, up, middle, usual) < run_length:
            low = middle
        else:
            high = middle
    return CusumDesign(
        usual=usual,
        worse=worse,
        down=down,
        up=up,
        limit=high,
        run_length=find_run_length(down, up, high, usual),
        delay=find_run_length(down, up, high, worse),
    )


def find_run_length(down: int, up: int, limit: int, share: float) -> float:
    """Find how many cases a cumulative sum takes to its alarm, on average.

    Args:
        down: by how much it falls with an agreement, at least 1.
        up: by how much it rises with a disagreement, at least 1.
        limit: alarm where it is at least this, at least 1.
        share: of disagreements, in (0, 1).

    Returns:
        The mean number of cases from a sum of 0: the solution of L(s) = 1 + (1 - share)
        L(max(s - down, 0)) + share L(s + up), where L is 0 from the limit on.
    """
    sums = np.arange(limit)
    fallen, risen = np.maximum(sums - down, 0), sums[sums + up < limit]
    below, above = min(down, limit - 1), up if risen.size else 0
    bands = np.zeros((below + above + 1, limit))  # row s, column c stands in [above + s - c, c]
    bands[above, :] = 1.0
    bands[above + sums - fallen, fallen] -= 1 - share
    bands[0, risen + up] -= share
    return float(solve_banded((below, above), bands, np.ones(limit))[0])


def _find_steps(usual: float, worse: float) -> tuple[int, int]:
    """Small whole steps near the ratio of the two log-likelihoods.

    With them the sum must fall on average as long as nothing changes, and rise after the change.
    """
    fall = math.log((1 - usual) / (1 - worse))
    rise = math.log(worse / usual)
    for down in range(1, _LARGEST_STEP + 1):
        up = max(round(down * rise / fall), 1)
        if up > _LARGEST_RISE:
            raise InputError(
                f"a share of {usual:g} is too small for a chart of disagreements; watch a commoner "
                "answer"
            )
        is_close = abs(up * fall / (down * rise) - 1) <= _CLOSE
        if is_close and usual < down / (up + down) < worse:
            return down, up
    raise InputError(
        f"shares of {usual:g} and {worse:g} are too close to be told apart by a chart; ask for a "
        "larger change"
    )
