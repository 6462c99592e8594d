"""The rule that turns probabilities into a decision.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary.arrays import Decisions, Probabilities
from cxrlens.vocabulary.estimate import Estimate

EVEN_ODDS = 0.5
"""The probability from which a class is more likely there than not."""


@dataclass(frozen=True)
class Threshold:
    """The probability from which one class is flagged, and how it did where it was chosen."""

    class_name: str
    """The class taken as positive."""

    value: float
    """Flagged are images whose probability for the class is at least this; in [0, 1]."""

    sensitivity: Estimate
    """Share of the images with the class that are flagged, on the data that chose it: too good."""

    specificity: Estimate
    """Share of the images without it that are not flagged, on the data that chose it: too good."""

    n_positives: int
    """Images with the class that it was chosen on."""

    n_negatives: int
    """Images without it that it was chosen on."""

    n_positive_patients: int
    """Patients of `n_positives`: what decides how sure anyone can be of the sensitivity."""


@dataclass(frozen=True)
class OperatingPoint:
    """How a decision follows from the probabilities, and where that rule comes from.

    The probabilities are the calibrated ones of a bundle that has a calibration, else those that
    the network gives.
    """

    rule: str
    """The rule's name; `argmax` decides for the class with the largest probability, `each >= 0.5`
    for every class whose own probability is at least 0.5; any other chose the `thresholds`, and
    they decide."""

    chosen_on: str
    """The data that the rule was chosen on; `fixed in advance` where no data chose it."""

    thresholds: tuple[Threshold, ...] = ()
    """One a class for which the rule could be met; of two classes that exclude each other that of
    the second alone."""

    threshold_rule: str = ""
    """What chose the thresholds, such as `sensitivity>=0.95`; empty without any. Of three or more
    classes that exclude each other `argmax` still decides, and the thresholds only flag."""

    def decide(
        self, classes: Sequence[str], probabilities: Probabilities, *, is_multilabel: bool
    ) -> Decisions:
        """Decide for or against each class.

        Args:
            classes: k names, in the order of the columns.
            probabilities: n x k, the ones that decide.
            is_multilabel: whether there may be several classes an image, or none; a class without
                a threshold is then decided for at 0.5. Of two classes that exclude each other the
                second is decided for where its probability reaches its threshold, else the first.

        Returns:
            n x k; exactly one a row where classes exclude each other.
        """
        levels = self._list_levels(classes)
        if is_multilabel:
            return np.asarray(probabilities >= np.where(np.isnan(levels), EVEN_ODDS, levels))
        decided = np.argmax(probabilities, axis=1)
        if len(classes) == 2 and not np.isnan(levels[1]):
            decided = (probabilities[:, 1] >= levels[1]).astype(np.int64)
        return np.asarray(decided[:, None] == np.arange(len(classes)))

    def flag(self, classes: Sequence[str], probabilities: Probabilities) -> Decisions:
        """Tell which classes reach their own threshold.

        Args:
            classes: k names, in the order of the columns.
            probabilities: n x k, the ones that decide.

        Returns:
            n x k; never for a class without a threshold.
        """
        return np.asarray(probabilities >= self._list_levels(classes))

    def _list_levels(self, classes: Sequence[str]) -> np.ndarray:
        levels = {one.class_name: one.value for one in self.thresholds}
        return np.array([levels.get(name, np.nan) for name in classes])


ARGMAX = OperatingPoint(rule="argmax", chosen_on="fixed in advance")
"""Decide for the class with the largest probability (for two classes: a threshold of 0.5)."""

EACH_AT_HALF = OperatingPoint(rule="each >= 0.5", chosen_on="fixed in advance")
"""Of several labels an image: decide for every class that is more likely there than not."""
