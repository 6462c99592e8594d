"""How far a reader and a machine give the same answers, and how far beyond chance.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from cxrlens.evaluation.figure import Figure, leave_undefined
from cxrlens.evaluation.patients import TOO_FEW, count_patients, sum_by_patient
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import ClassIndices, Estimate, Flags

NO_CASE = "no case that both answered"
"""Why there is no agreement to speak of."""

ONE_ANSWER = "both gave one and the same answer to every case, so that chance alone agrees in all"
"""Why there is no κ."""

CONSTANT = "one of the two gave the same answer to every case, so that κ is 0 whatever the other"
"""Why κ has no interval."""

WIDENED = "widened to Wilson's of the agreement: few patients of one kind"
"""Said of the method of a lean κ."""


@dataclass(frozen=True)
class AnswerCounts:
    """Cases by what the reader and the machine said of one class."""

    both_present: int
    """Both say that it is there."""

    only_reader: int
    """The reader alone says that it is there."""

    only_machine: int
    """The machine alone says that it is there."""

    both_absent: int
    """Both say that it is not there."""


@dataclass(frozen=True)
class Agreement:
    """How alike a reader and a machine answer about one class; who is right is not asked."""

    counts: AnswerCounts
    """The two-by-two table."""

    n_cases: int
    """Cases that both answered."""

    n_patients: int
    """Their patients."""

    share: Estimate
    """Share of the cases with the same answer, in [0, 1] (percent agreement)."""

    kappa: Estimate
    """Cohen's κ, in [-1, 1]: agreement beyond what the two would reach by chance if each kept
    their own share of positives; 1 is perfect, 0 is chance. Not defined where both gave one and
    the same answer throughout."""

    pabak: Estimate
    """κ as it would be if half of the answers were positive and both had as many of them
    (prevalence- and bias-adjusted κ), in [-1, 1]: twice the share of agreement less 1."""

    prevalence_index: float | None
    """Share of cases that both call present less the share that both call absent, in [-1, 1]: far
    from 0, κ is low even where the two agree. None without cases."""

    bias_index: float | None
    """Share of cases that the reader calls present less the machine's, in [-1, 1]: above 0 where
    the reader does so more often. None without cases."""


def measure_agreement(reader: Flags, machine: Flags, clusters: ClassIndices) -> Agreement:
    """Measure how alike a reader and a machine answer about one class.

    κ has the variance of its linear part over patients, which where each patient has one case is
    that of Fleiss, Cohen and Everitt (times n / (n - 1)), with Student's t on Fisher's z scale. It
    is preferred to drawing patients again: two who never differ resample to no spread at all, a
    resample may have no κ, and nothing should hang on a seed. On κ's own scale it would reach
    beyond 1 and hold the true value too seldom near 1. Where fewer than `TOO_FEW` patients have a
    case that the two answer differently, or one that both call present, or both absent, that
    variance is not believed: the interval then also holds Wilson's of the share of agreement,
    taken to κ with the chance agreement as it was seen.

    Args:
        reader: whether the reader calls each case present.
        machine: whether the machine does.
        clusters: a number for each case's patient.

    Returns:
        The table and its figures; without interval where there are fewer than `TOO_FEW` patients.

    Source:
        Cohen, Educ Psychol Meas 1960;20:37-46; variance: Fleiss, Cohen and Everitt, Psychol Bull
        1969;72:323-327, for clusters Yang and Zhou, Comput Stat Data Anal 2015;82:1-18; its scale:
        Fisher, Metron 1921;1:3-32; PABAK and the indices: Byrt, Bishop and Carlin, J Clin
        Epidemiol 1993;46:423-429.

    Example:
        >>> import numpy as np
        >>> reader = np.repeat([True, True, False, False], [20, 5, 10, 15])
        >>> machine = np.repeat([True, False, True, False], [20, 5, 10, 15])
        >>> told = measure_agreement(reader, machine, np.arange(50))
        >>> print(told.share, "|", told.kappa, "|", told.pabak)
        0.700 (0.562–0.809) | 0.400 (0.116–0.623) | 0.400 (0.125–0.618)
    """
    counts = _count(reader, machine)
    n_patients = count_patients(clusters)
    if reader.size == 0:
        undefined = leave_undefined(NO_CASE)
        return Agreement(counts, 0, 0, undefined, undefined, undefined, None, None)
    share = measure_proportion(reader == machine, clusters)
    return Agreement(
        counts=counts,
        n_cases=reader.size,
        n_patients=n_patients,
        share=share.to_estimate(),
        kappa=_measure_kappa(reader, machine, clusters, share),
        pabak=_stretch(share).to_estimate(),
        prevalence_index=(counts.both_present - counts.both_absent) / reader.size,
        bias_index=(counts.only_reader - counts.only_machine) / reader.size,
    )


def _count(reader: Flags, machine: Flags) -> AnswerCounts:
    return AnswerCounts(
        both_present=int((reader & machine).sum()),
        only_reader=int((reader & ~machine).sum()),
        only_machine=int((machine & ~reader).sum()),
        both_absent=int((~reader & ~machine).sum()),
    )


def _stretch(share: Figure) -> Figure:
    """PABAK, which is the share of agreement on another scale."""
    value, low, high = (2 * one - 1 for one in (share.value, share.low, share.high))
    method = f"{share.method}, of the agreement, times 2 less 1"
    return Figure(value, low, high, share.n, share.n_patients, share.is_lean, method)


def _measure_kappa(
    reader: Flags, machine: Flags, clusters: ClassIndices, share: Figure
) -> Estimate:
    chance = _find_chance(reader, machine)
    if chance == 1:
        return leave_undefined(ONE_ANSWER)
    n = reader.size
    if _is_constant(reader) or _is_constant(machine):
        return Estimate(0.0, None, None, n, f"no interval: {CONSTANT}")
    value = (share.value - chance) / (1 - chance)
    by_patient = sum_by_patient(_find_errors(reader, machine), clusters)
    n_patients = by_patient.size
    freedom = max(n_patients - 1, 1)
    variance = float((by_patient**2).sum()) * n_patients / freedom / n**2
    low, high = _find_fisher_ends(value, variance, float(stdtrit(freedom, 0.975)))
    method = "Fleiss, Cohen and Everitt's variance by patient, Fisher's z scale"
    is_lean = _find_rarest(reader, machine, clusters) < TOO_FEW
    if is_lean:
        ends = (1 - (1 - one) / (1 - chance) for one in (share.low, share.high))
        low, high = min(low, next(ends)), max(high, next(ends))
        method = f"{method}, {WIDENED}"
    low, high = min(max(low, -1.0), value), max(min(high, 1.0), value)
    return Figure(value, low, high, n, n_patients, is_lean, method).to_estimate()


def _is_constant(answers: Flags) -> bool:
    return bool(answers.all() or not answers.any())


def _find_chance(reader: Flags, machine: Flags) -> float:
    """The share of agreement that two unrelated raters with these shares of positives reach."""
    ours, theirs = float(reader.mean()), float(machine.mean())
    return ours * theirs + (1 - ours) * (1 - theirs)


def _find_errors(reader: Flags, machine: Flags) -> Float64[np.ndarray, " n"]:
    """How fast κ changes as each case counts more often (times n); they sum to 0."""
    ours, theirs = float(reader.mean()), float(machine.mean())
    agrees = (reader == machine).astype(np.float64)
    share, chance = float(agrees.mean()), _find_chance(reader, machine)
    moved = np.where(reader, theirs, 1 - theirs) + np.where(machine, ours, 1 - ours) - 2 * chance
    return np.asarray(
        ((1 - chance) * (agrees - share) - (1 - share) * moved) / (1 - chance) ** 2,
        dtype=np.float64,
    )


def _find_rarest(reader: Flags, machine: Flags, clusters: ClassIndices) -> int:
    """Patients of the rarest kind of case: answered differently, both present, both absent."""
    kinds = (reader != machine, reader & machine, ~reader & ~machine)
    return min(count_patients(clusters[kind]) for kind in kinds)


def _find_fisher_ends(value: float, variance: float, quantile: float) -> tuple[float, float]:
    """The ends of an interval that is symmetrical on the scale of the inverse hyperbolic tangent.

    Both are the value itself where it is -1 or 1: then the two differ in nothing or in all, and
    the interval is widened.
    """
    spread = (1 - value) * (1 + value)
    if spread <= 0:
        return value, value
    reach = quantile * math.sqrt(variance) / spread
    return math.tanh(math.atanh(value) - reach), math.tanh(math.atanh(value) + reach)
