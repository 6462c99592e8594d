"""What makes one threshold better than another, as people write it.

SPDX-License-Identifier: Apache-2.0
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from cxrlens.vocabulary import InputError

RuleKind = Literal["youden", "f1", "sensitivity", "specificity", "cost"]

Column = Float64[np.ndarray, " c"]
"""One number a candidate threshold."""

_AT_LEAST = re.compile(r"(sensitivity|specificity)\s*>=\s*([0-9.eE+-]+)")
_COST = re.compile(r"cost\(\s*fn\s*=\s*([0-9.eE+-]+)\s*,\s*fp\s*=\s*([0-9.eE+-]+)\s*\)")


@dataclass(frozen=True)
class OperatingRule:
    """How a threshold is chosen.

    Example:
        >>> read_rule("sensitivity>=0.95")
        OperatingRule(kind='sensitivity', at_least=0.95, miss_cost=1.0, alarm_cost=1.0)
    """

    kind: RuleKind
    """`youden`: the largest sensitivity + specificity. `f1`: the largest F1. `sensitivity`,
    `specificity`: that one at least so large, and of those thresholds the one with the largest
    other, and of these the one with the largest own. `cost`: the smallest cost of misses and
    false alarms."""

    at_least: float = 0.0
    """Of `sensitivity` and `specificity`: in (0, 1]."""

    miss_cost: float = 1.0
    """Of `cost`: of a missed image, above 0."""

    alarm_cost: float = 1.0
    """Of `cost`: of a false alarm, above 0."""

    def __str__(self) -> str:
        """The rule as people write it."""
        if self.kind in ("sensitivity", "specificity"):
            return f"{self.kind}>={self.at_least:g}"
        if self.kind == "cost":
            return f"cost(fn={self.miss_cost:g},fp={self.alarm_cost:g})"
        return self.kind

    def rate(self, found: Column, alarms: Column, n_positives: int, n_negatives: int) -> Column:
        """Rate candidate thresholds.

        Args:
            found: images with the class at or above each.
            alarms: images without it at or above each.
            n_positives: images with the class.
            n_negatives: images without it.

        Returns:
            One number each, the larger the better; minus infinity where the rule is not met.
        """
        sensitivity, specificity = found / n_positives, 1 - alarms / n_negatives
        if self.kind == "youden":
            return np.asarray(sensitivity + specificity)
        if self.kind == "f1":
            return np.asarray(2 * found / (found + alarms + n_positives))
        if self.kind == "cost":
            cost = self.miss_cost * (n_positives - found) + self.alarm_cost * alarms
            return np.asarray(-cost)
        if self.kind == "sensitivity":
            # counts are compared, so that rounding of a share decides nothing
            is_met = found >= self.at_least * n_positives - 1e-9
            return np.asarray(np.where(is_met, specificity, -np.inf))
        is_met = n_negatives - alarms >= self.at_least * n_negatives - 1e-9
        # of those that find as many, the one with the fewest false alarms: half a case at most
        return np.asarray(np.where(is_met & (found > 0), found + specificity / 2, -np.inf))


def read_rule(text: str) -> OperatingRule:
    """Read a rule as people write it.

    Args:
        text: `youden`, `f1`, `sensitivity>=0.95`, `specificity>=0.9` or `cost(fn=5,fp=1)`.

    Raises:
        InputError: if it is none of them, or a number is out of its range.
    """
    plain = text.strip().lower()
    if plain == "youden":
        return OperatingRule("youden")
    if plain == "f1":
        return OperatingRule("f1")
    wanted, costs = _AT_LEAST.fullmatch(plain), _COST.fullmatch(plain)
    if wanted:
        level = _read_number(wanted[2], text)
        if not 0 < level <= 1:
            raise InputError(
                f"rule {text!r}: a {wanted[1]} lies above 0 and up to 1; got {level:g}"
            )
        kind: RuleKind = "sensitivity" if wanted[1] == "sensitivity" else "specificity"
        return OperatingRule(kind, at_least=level)
    if costs:
        miss, alarm = _read_number(costs[1], text), _read_number(costs[2], text)
        if min(miss, alarm) <= 0:
            raise InputError(f"rule {text!r}: both costs must be above 0")
        return OperatingRule("cost", miss_cost=miss, alarm_cost=alarm)
    raise InputError(
        f"rule {text!r} is not known; give youden, f1, sensitivity>=0.95, specificity>=0.9 or "
        "cost(fn=5,fp=1)"
    )


def _read_number(text: str, rule: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"rule {rule!r}: {text!r} is no number")
    return number
