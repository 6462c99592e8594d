"""How often readers changed an answer after they had seen the machine's.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import ClassIndices, Estimate, Flags, Scores


@dataclass(frozen=True)
class Switch:
    """How often answers were changed in one direction, of those that could have been."""

    n_changed: int
    """Readings whose answer was changed so."""

    n_open: int
    """Readings whose answer could have been changed so."""

    share: Estimate
    """The first of the second."""


@dataclass(frozen=True)
class Switches:
    """How readers' answers about one class moved when the machine's was shown.

    An answer is yes or no, so that every change is toward the machine or away from it, and where
    the reference is known to the right or to the wrong.
    """

    n_readings: int
    """Readings with an answer before the machine's was shown and one after it."""

    n_judged: int
    """Those among them of which the reference is known."""

    changed: Switch
    """All changes."""

    toward: Switch
    """To the machine's answer, of the readings whose first answer was another."""

    away: Switch
    """From the machine's answer, of the readings whose first answer was the same."""

    to_right: Switch
    """From wrong to right by the reference, of the readings that began wrong."""

    to_wrong: Switch
    """From right to wrong, of the readings that began right."""

    led_right: Switch
    """From wrong to right, of the readings that began wrong and were shown a right machine."""

    led_wrong: Switch
    """From right to wrong, of the readings that began right and were shown a wrong machine: how
    often the machine talked the reader into its mistake (automation bias)."""


@dataclass(frozen=True, eq=False)
class SwitchAnswers:
    """Answers about one class of the readings in which the machine was shown; n long each."""

    first: Scores
    """Before it was: 1, 0, NaN where not recorded."""

    final: Scores
    """After it was: 1, 0, NaN where left open."""

    machine: Scores
    """What was shown: 1, 0, NaN where nothing was shown of this class."""

    reference: Scores
    """1, 0, else not known."""

    clusters: ClassIndices
    """A number for each reading's patient."""


def measure_switches(answers: SwitchAnswers) -> Switches:
    """Count the changed answers by where they came from and where they went.

    Args:
        answers: of the readings in which the machine was shown.

    Returns:
        Counts and shares, with the intervals of `measure_proportion`; a share is not defined
        where no answer could have been changed so.

    Source:
        Switches from right to wrong in sight of a wrong machine as the measure of automation bias:
        Goddard, Roudsari and Wyatt, J Am Med Inform Assoc 2012;19:121-127.
    """
    asked = (answers.first, answers.final, answers.machine)
    both = np.logical_and.reduce([np.isfinite(one) for one in asked])
    first, final, machine = (one[both] == 1 for one in asked)
    reference, clusters = answers.reference[both], answers.clusters[both]
    known, moved = np.isin(reference, (0, 1)), first != final
    began_right = known & (first == (reference == 1))
    began_wrong = known & ~began_right
    agreed = first == machine

    def count(among: Flags) -> Switch:
        return _count(moved, among, clusters)

    return Switches(
        n_readings=int(both.sum()),
        n_judged=int(known.sum()),
        changed=count(np.ones_like(moved)),
        toward=count(~agreed),
        away=count(agreed),
        to_right=count(began_wrong),
        to_wrong=count(began_right),
        led_right=count(began_wrong & ~agreed),
        led_wrong=count(began_right & ~agreed),
    )


def _count(moved: Flags, among: Flags, clusters: ClassIndices) -> Switch:
    n_open = int(among.sum())
    if n_open == 0:
        return Switch(0, 0, leave_undefined("no answer could have been changed so"))
    share = measure_proportion(moved[among], clusters[among]).to_estimate()
    return Switch(int(moved[among].sum()), n_open, share)
