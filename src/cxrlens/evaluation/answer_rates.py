"""Sensitivity and specificity of yes-or-no answers.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import ClassIndices, Estimate, Flags


@dataclass(frozen=True)
class AnswerRates:
    """How often answers are yes where they should be, and no where they should be."""

    sensitivity: Estimate
    """Share of the cases with the class that are answered yes; its `n` is how many there are."""

    specificity: Estimate
    """Share of the cases without it that are answered no; its `n` is how many there are."""


def measure_answer_rates(answers: Flags, truth: Flags, clusters: ClassIndices) -> AnswerRates:
    """Measure sensitivity and specificity of answers about one class.

    Args:
        answers: whether the class was said to be there, one a case.
        truth: whether it is, by whatever the answers are held against.
        clusters: a number for each case's patient.

    Returns:
        Both, with the intervals of `measure_proportion`; not defined where there is no such case.
    """

    def share(hits: Flags, among: Flags, word: str) -> Estimate:
        if not among.any():
            return leave_undefined(f"no case where the class is {word}")
        return measure_proportion(hits[among], clusters[among]).to_estimate()

    return AnswerRates(share(answers, truth, "present"), share(~answers, ~truth, "absent"))
