"""The gap between two figures of the same cases, on its way to a difference that is shown.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from cxrlens.evaluation.auroc import Spread
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.patients import TOO_FEW
from cxrlens.evaluation.records import Difference
from cxrlens.vocabulary import Estimate

WIDENED = "widened to the two figures' own intervals: few patients tell the models apart"
"""Said of the method of a lean gap."""

Ends = tuple[float, float]
"""Lower and upper end of a 95 % interval."""


@dataclass(frozen=True)
class Gap:
    """What is known of the difference between two figures of the same cases."""

    first: Figure
    """The figure of the model that is asked about."""

    second: Figure
    """The figure that is taken away from it."""

    spread: Spread
    """Of the difference, not of either figure."""

    correlation: float
    """Of the errors of the two figures, in [-1, 1]; 0 where it is not known."""

    is_lean: bool
    """Whether so few patients tell the models apart that the spread seen is not believed."""

    method: str
    """How the interval was made."""

    @property
    def value(self) -> float:
        """The first figure less the second, in [-1, 1]."""
        return self.first.value - self.second.value

    @property
    def n(self) -> int:
        """Images behind the figure that has more."""
        return max(self.first.n, self.second.n)

    @property
    def n_patients(self) -> int:
        """Patients behind the figure that has fewer."""
        return min(self.first.n_patients, self.second.n_patients)

    def to_difference(self) -> Difference:
        """Show ends and p only where enough patients stand behind them.

        Returns:
            The difference with Student's t, symmetrical about it; where the gap is lean the
            interval also holds the one put together from the two figures' own, and there is no p.
        """
        if self.n_patients < TOO_FEW:
            return leave_open(self.value, self.n, self.n_patients)
        error, degrees = math.sqrt(self.spread.variance), self.spread.degrees_of_freedom
        reach = float(stdtrit(degrees, 0.975)) * error
        ends = self.value - reach, self.value + reach
        if self.is_lean or error == 0:
            ends = widen(ends, combine_ends(self.first, self.second, self.correlation))
            return show(self.value, ends, self.n, f"{self.method}, {WIDENED}", None)
        p_value = 2 * float(stdtr(degrees, -abs(self.value) / error))
        return show(self.value, ends, self.n, self.method, p_value)


@dataclass(frozen=True)
class Span:
    """A value with its ends."""

    value: float
    """The figure."""

    low: float
    """Lower end of the 95 % interval."""

    high: float
    """Upper end of the 95 % interval."""


def combine_ends(first: Figure | Span, second: Figure | Span, correlation: float) -> Ends:
    """Find the ends of a difference from the ends of its two parts, which do not collapse.

    Args:
        first: the figure that is asked about.
        second: the figure that is taken away from it.
        correlation: of the errors of the two, in [-1, 1].

    Source:
        Newcombe, Stat Med 1998;17:2635-2650 (method 10, of paired proportions); in general
        MOVER: Zou, Psychol Methods 2007;12:399-413.

    Example:
        >>> low, high = combine_ends(Span(0.8, 0.7, 0.9), Span(0.6, 0.5, 0.7), 0.5)
        >>> print(f"{low:.3f} {high:.3f}")
        0.100 0.300
    """
    value = first.value - second.value
    below = _reach(first.value - first.low, second.high - second.value, correlation)
    above = _reach(first.high - first.value, second.value - second.low, correlation)
    return value - below, value + above


def _reach(a: float, b: float, correlation: float) -> float:
    return math.sqrt(max(a * a - 2 * correlation * a * b + b * b, 0.0))


def widen(ends: Ends, others: Ends) -> Ends:
    """The interval that holds both."""
    return min(ends[0], others[0]), max(ends[1], others[1])


def find_correlation(first: float, second: float, difference: float) -> float:
    """Find the correlation of two errors from their variances and that of their difference.

    Returns:
        In [-1, 1]; 0 where one of the variances is 0.
    """
    product = math.sqrt(first * second)
    if product == 0:
        return 0.0
    return min(max((first + second - difference) / (2 * product), -1.0), 1.0)


def leave_open(value: float, n: int, n_patients: int) -> Difference:
    """Give a difference that rests on too few patients for an interval.

    Args:
        value: the difference.
        n: images that it rests on.
        n_patients: patients that it rests on.
    """
    why = f"no interval: it rests on {n_patients} patients, fewer than {TOO_FEW}"
    return Difference(Estimate(value, None, None, n, why), None)


def show(value: float, ends: Ends, n: int, method: str, p_value: float | None) -> Difference:
    """Give a difference of two shares, which lies between -1 and 1.

    Args:
        value: the difference.
        ends: of its interval; moved into [-1, 1], and so that the value lies between them.
        n: images that it rests on.
        method: how the interval was made.
        p_value: two-sided; None where the interval was widened.
    """
    low, high = min(max(ends[0], -1.0), value), max(min(ends[1], 1.0), value)
    return Difference(Estimate(value, low, high, n, method), p_value)
