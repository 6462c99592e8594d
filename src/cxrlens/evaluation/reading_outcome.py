"""What came of reading beside a machine: readings become a judgement.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrlens.evaluation.agreement import Agreement, measure_agreement
from cxrlens.evaluation.answer_rates import AnswerRates, measure_answer_rates
from cxrlens.evaluation.discordance import Discordance, measure_discordance
from cxrlens.evaluation.holm import adjust_p_values
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.reading_seconds import ReadingSeconds, measure_seconds
from cxrlens.evaluation.readings import Readings, find_bundle
from cxrlens.evaluation.switches import SwitchAnswers, Switches, measure_switches
from cxrlens.vocabulary import ClassIndices, Flags, Scores


@dataclass(frozen=True)
class RaterTest:
    """Whether the reader or the machine is right more often, on the same readings."""

    discordance: Discordance
    """Where one is right and the other wrong: the reader is the first, the machine the second;
    with McNemar's exact test, or its like for patients with several readings."""

    adjusted_p_value: float | None
    """The test's p-value after Holm over the classes; None where there is one class."""


@dataclass(frozen=True)
class ReferenceOutcome:
    """How reader and machine do against the reference, on readings of which it is known.

    It is known of readings that somebody chose to look into. Unless those were drawn at random,
    sensitivity and specificity are of the chosen, not of all (verification bias).
    """

    n_known: int
    """Readings with an unaided answer, one of the machine and a known reference."""

    n_unknown: int
    """Readings with both answers and no known reference."""

    reader: AnswerRates
    """The reader's unaided answers, on the `n_known`."""

    machine: AnswerRates
    """The machine's, on the same readings."""

    on_all: RaterTest | None
    """Who is right more often, on all of these readings; None where there are none."""

    on_present: RaterTest | None
    """The same where the class is present: a difference in sensitivity."""

    on_absent: RaterTest | None
    """The same where it is absent: a difference in specificity."""

    aided: AnswerRates
    """The reader's final answers where the machine had been shown: of other readings than those
    above, but for those with a first answer."""

    alone: AnswerRates
    """The reader's unaided answers where the machine gave none: of yet other readings."""


@dataclass(frozen=True)
class ClassOutcome:
    """What came of reading beside the machine, for one class."""

    class_name: str
    """The class."""

    agreement: Agreement
    """Of the reader's unaided answers and the machine's; who is right is not asked."""

    n_only_aided: int
    """Readings left out of the agreement, since the reader answered only in sight of the machine:
    who has seen an answer agrees with it more."""

    against_reader: AnswerRates
    """The machine's, with the reader's unaided answer taken for the truth; no accuracy."""

    reference: ReferenceOutcome
    """Of both against what is known from elsewhere."""

    switches: Switches
    """How the reader's answers moved when the machine's was shown."""


@dataclass(frozen=True)
class ReadingOutcome:
    """What came of reading beside one bundle."""

    bundle: str | None
    """Its digest; None where no model ran."""

    n_readings: int
    """Readings: several readers of one case count as several."""

    n_patients: int
    """Their patients."""

    per_class: tuple[ClassOutcome, ...]
    """One a class, over all readings, of whatever level."""

    seconds: tuple[ReadingSeconds, ...]
    """Reading times, one a level: also which levels the readings are of."""


def judge_readings(readings: Readings) -> ReadingOutcome:
    """Judge what came of reading beside a machine.

    Agreement is of answers that readers gave without having seen the machine's: the first answer
    where one was recorded, else the final one where the machine was not shown before it. It is no
    accuracy, and what is held against the reader and what is held against the reference is kept
    apart. All intervals and tests take the readings of a patient as dependent and the readers as
    given: other readers may do otherwise.

    Args:
        readings: of one bundle, maybe beside readings where no model ran; of one level or
            several, which are judged together but for their times. `split_readings` parts them.

    Returns:
        The judgement.

    Raises:
        InputError: if the readings are of several bundles, which are never merged.

    Source:
        `measure_agreement`, `measure_answer_rates`, `measure_discordance` and `measure_switches`
        name theirs. The reader's answer before and after: Beiden et al., Acad Radiol
        2002;9:1036-1043 (sequential reading).
    """
    bundle = find_bundle(readings)
    unaided = readings.unaided
    per_class = [
        _judge_class(readings, unaided[:, place], place) for place in range(len(readings.classes))
    ]
    return ReadingOutcome(
        bundle=bundle,
        n_readings=len(readings.clusters),
        n_patients=count_patients(readings.clusters),
        per_class=_adjust(per_class),
        seconds=measure_seconds(readings.seconds, readings.levels),
    )


def _judge_class(readings: Readings, unaided: Scores, place: int) -> ClassOutcome:
    machine, final = readings.machine[:, place], readings.final[:, place]
    both = np.isfinite(unaided) & np.isfinite(machine)
    ours, theirs = unaided[both] == 1, machine[both] == 1
    clusters = readings.clusters[both]
    only_aided = np.isnan(unaided) & np.isfinite(final) & np.isfinite(machine)
    seen = readings.shown
    switches = SwitchAnswers(
        readings.first[seen, place],
        final[seen],
        machine[seen],
        readings.reference[seen, place],
        readings.clusters[seen],
    )
    return ClassOutcome(
        class_name=readings.classes[place],
        agreement=measure_agreement(ours, theirs, clusters),
        n_only_aided=int(only_aided.sum()),
        against_reader=measure_answer_rates(theirs, ours, clusters),
        reference=_judge_reference(readings, unaided, place),
        switches=measure_switches(switches),
    )


def _judge_reference(readings: Readings, unaided: Scores, place: int) -> ReferenceOutcome:
    machine, final = readings.machine[:, place], readings.final[:, place]
    reference = readings.reference[:, place]
    known, truth = np.isin(reference, (0, 1)), reference == 1
    both = np.isfinite(unaided) & np.isfinite(machine)
    pair = both & known
    ours, theirs, here = unaided[pair] == 1, machine[pair] == 1, truth[pair]
    right, clusters = (ours == here, theirs == here), readings.clusters[pair]
    aided = readings.shown & np.isfinite(final) & known
    alone = np.isfinite(unaided) & np.isnan(machine) & known
    return ReferenceOutcome(
        n_known=int(pair.sum()),
        n_unknown=int((both & ~known).sum()),
        reader=measure_answer_rates(ours, here, clusters),
        machine=measure_answer_rates(theirs, here, clusters),
        on_all=_test(right, clusters, np.ones_like(here)),
        on_present=_test(right, clusters, here),
        on_absent=_test(right, clusters, ~here),
        aided=measure_answer_rates(final[aided] == 1, truth[aided], readings.clusters[aided]),
        alone=measure_answer_rates(unaided[alone] == 1, truth[alone], readings.clusters[alone]),
    )


def _test(right: tuple[Flags, Flags], clusters: ClassIndices, among: Flags) -> RaterTest | None:
    if not among.any():
        return None
    told = measure_discordance(right[0][among], right[1][among], clusters[among])
    return RaterTest(told, None)


def _adjust(outcomes: Sequence[ClassOutcome]) -> tuple[ClassOutcome, ...]:
    """Adjust each kind of test for being made of every class."""
    if len(outcomes) < 2:
        return tuple(outcomes)
    references = [one.reference for one in outcomes]
    on_all = _adjust_tests([one.on_all for one in references])
    on_present = _adjust_tests([one.on_present for one in references])
    on_absent = _adjust_tests([one.on_absent for one in references])
    adjusted = [
        replace(one, on_all=of_all, on_present=of_present, on_absent=of_absent)
        for one, of_all, of_present, of_absent in zip(
            references, on_all, on_present, on_absent, strict=True
        )
    ]
    return tuple(
        replace(one, reference=reference) for one, reference in zip(outcomes, adjusted, strict=True)
    )


def _adjust_tests(tests: Sequence[RaterTest | None]) -> list[RaterTest | None]:
    adjusted = adjust_p_values([one.discordance.p_value if one else None for one in tests])
    return [
        replace(one, adjusted_p_value=p_value) if one else None
        for one, p_value in zip(tests, adjusted, strict=True)
    ]
