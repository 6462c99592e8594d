"""The rule that turns probabilities into a decision.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class OperatingPoint:
    """How a decision follows from the probabilities, and where that rule comes from."""

    rule: str
    """The rule's name; `argmax` decides for the class with the largest probability, `each >= 0.5`
    for every class whose own probability is at least 0.5."""

    chosen_on: str
    """The data that the rule was chosen on; `fixed in advance` where no data chose it."""


ARGMAX = OperatingPoint(rule="argmax", chosen_on="fixed in advance")
"""Decide for the class with the largest probability (for two classes: a threshold of 0.5)."""

EVEN_ODDS = 0.5
"""The probability from which a class is more likely there than not."""

EACH_AT_HALF = OperatingPoint(rule="each >= 0.5", chosen_on="fixed in advance")
"""Of several labels an image: decide for every class that is more likely there than not."""
