"""How cases are watched for a change: declared before the first of them.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.vocabulary import InputError

FEWEST_IN_WINDOW = 20
"""Cases a look asks for: of fewer nothing but the coarsest change shows."""


@dataclass(frozen=True)
class DriftPlan:
    """When is looked, and how often all charts together may be wrong.

    The chance of a false alarm is spent in equal parts over looks, charts and the two tests of
    each, added up as if they had nothing in common (Bonferroni). So it holds whatever they share:
    all looks are compared with one reference.

    Raises:
        InputError: if a number is out of its range.

    Example:
        >>> DriftPlan(window=100, looks=50).find_limit(2)
        0.00025
    """

    window: int = 100
    """Cases of each look; no case is in two."""

    looks: int = 52
    """Looks, after which the plan is spent and another has to be declared."""

    false_alarm: float = 0.05
    """Chance, in (0, 1), of any alarm in all looks though nothing has changed."""

    seed: int = 0
    """Of the permutations of the PSI test; the same seed gives the same p-values."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.window < FEWEST_IN_WINDOW or self.looks < 1 or not 0 < self.false_alarm < 1:
            raise InputError(
                f"a plan needs windows of at least {FEWEST_IN_WINDOW} cases, at least one look and "
                f"a chance of a false alarm between 0 and 1; got {self.window}, {self.looks} and "
                f"{self.false_alarm:g}"
            )

    def find_limit(self, n_charts: int) -> float:
        """Find the p-value up to which one test of one chart in one look raises an alarm.

        Args:
            n_charts: watched columns, at least 1.
        """
        return self.false_alarm / (2 * n_charts * self.looks)
