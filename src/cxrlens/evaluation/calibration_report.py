"""Whether probabilities may be taken at their word, raw and calibrated.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.brier import measure_brier
from cxrlens.evaluation.calibration_error import (
    assign_bins,
    choose_bin_count,
    measure_calibration_error,
)
from cxrlens.evaluation.cross_fitting import cross_fit, explain_too_few_cases
from cxrlens.evaluation.gap import leave_open, show
from cxrlens.evaluation.means import find_ratio_variance
from cxrlens.evaluation.patients import TOO_FEW, count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import Difference
from cxrlens.vocabulary import (
    ClassIndices,
    Estimate,
    Flags,
    PredictionTable,
    Probabilities,
    Scores,
)


@dataclass(frozen=True)
class ReliabilityBin:
    """Images whose probabilities lie near each other."""

    probability: float
    """Their mean probability."""

    observed: Estimate
    """Share of them that have the class."""

    n_images: int
    """How many they are."""


@dataclass(frozen=True)
class ClassReliability:
    """How the probabilities of one class compare with what came true."""

    brier: Estimate
    """Mean squared distance between probability and truth: 0 is perfect."""

    calibration_error: Estimate
    """Expected calibration error, as everybody computes it: too large by chance."""

    debiased_error: Estimate
    """The same without what chance adds to it."""

    curve: tuple[ReliabilityBin, ...]
    """Bins of about equally many images, in ascending order of their probability."""


@dataclass(frozen=True)
class ClassCalibration:
    """One class, raw and calibrated, on the same cases."""

    class_name: str
    """The class taken as positive."""

    raw: ClassReliability
    """As the network gives the probabilities."""

    calibrated: ClassReliability | None
    """On probabilities that the cases had no part in fitting; None where there are none."""

    brier_change: Difference | None
    """Calibrated less raw, paired: below 0 is better."""


@dataclass(frozen=True)
class CalibrationReport:
    """Whether probabilities may be taken at their word."""

    method: str
    """How the calibrated probabilities were made, or why there are none, in words."""

    n_images: int
    """Images with a known truth."""

    n_patients: int
    """Their patients; an unknown patient counts as one each."""

    per_class: tuple[ClassCalibration, ...]
    """One a class that has images with and without it; of two that exclude each other the second
    alone, since the first is its mirror image."""


def judge_calibration(
    table: PredictionTable, *, seed: int = 0, resamples: int = 1000
) -> CalibrationReport:
    """Judge raw and calibrated probabilities on the same cases.

    Where the bundle that answered has a calibration, that one is judged: it was fitted on other
    cases. Else each case is calibrated by the other patients (`cross_fit`), which says what a
    calibration on cases like these would be worth.

    Args:
        table: with the answers; of one model, or one a fold.
        seed: of the bootstrap behind the intervals of the calibration errors.
        resamples: how many times patients are drawn again, at least 40.

    Returns:
        The report; without calibrated figures where there are too few cases.

    Raises:
        InputError: if there are too few resamples.
    """
    calibrated, method = _calibrate(table)
    return compare_calibration(table, calibrated, method, Resampling(seed, resamples))


def compare_calibration(
    table: PredictionTable,
    calibrated: Probabilities | None,
    method: str,
    resampling: Resampling,
) -> CalibrationReport:
    """Judge raw probabilities beside calibrated ones.

    Args:
        table: with the answers.
        calibrated: n x k, fitted on other cases; None for none.
        method: how they were made, or why there are none.
        resampling: how often patients are drawn again, and by which chance.
    """
    is_known = table.is_labelled
    return CalibrationReport(
        method=method,
        n_images=int(is_known.sum()),
        n_patients=count_patients(table.clusters[is_known]),
        per_class=tuple(_judge_classes(table, calibrated, resampling)),
    )


def _calibrate(table: PredictionTable) -> tuple[Probabilities | None, str]:
    if table.calibrated is not None:
        return table.calibrated, "the model's own calibration, fitted on other cases"
    why = explain_too_few_cases(table)
    if why is not None:
        return None, f"not calibrated: {why}"
    fitted = cross_fit(table)
    ways = " and ".join(f"{way} scaling ({n} fits)" for way, n in sorted(fitted.methods.items()))
    return fitted.probabilities, (
        f"cross-fitted on these cases, each by other patients' alone: {ways}; the model itself "
        "has no calibration"
    )


def _judge_classes(
    table: PredictionTable, calibrated: Probabilities | None, resampling: Resampling
) -> Iterator[ClassCalibration]:
    labels = table.known_labels
    is_binary = len(table.classes) == 2 and table.labels is None
    for index, name in enumerate(table.classes):
        known = np.isfinite(labels[:, index])
        is_there, clusters = labels[known, index] == 1, table.clusters[known]
        if (is_binary and index == 0) or not 0 < is_there.sum() < is_there.size:
            continue
        raw = table.probabilities[known, index].astype(np.float64)
        after = None if calibrated is None else calibrated[known, index].astype(np.float64)
        yield ClassCalibration(
            class_name=name,
            raw=_judge_reliability(raw, is_there, clusters, resampling),
            calibrated=None
            if after is None
            else _judge_reliability(after, is_there, clusters, resampling),
            brier_change=None if after is None else _compare_brier(after, raw, is_there, clusters),
        )


def _judge_reliability(
    probabilities: Scores, is_there: Flags, clusters: ClassIndices, resampling: Resampling
) -> ClassReliability:
    error = measure_calibration_error(probabilities, is_there, clusters, resampling)
    return ClassReliability(
        brier=measure_brier(probabilities, is_there, clusters).to_estimate(),
        calibration_error=error.seen.to_estimate(),
        debiased_error=error.debiased.to_estimate(),
        curve=draw_reliability(probabilities, is_there, clusters),
    )


def draw_reliability(
    probabilities: Scores, is_there: Flags, clusters: ClassIndices
) -> tuple[ReliabilityBin, ...]:
    """Draw the share that came true over the probability, in the bins of the calibration error.

    Args:
        probabilities: of one class, one an image; at least one.
        is_there: whether each image has it.
        clusters: a number for each image's patient.

    Returns:
        Bins of about equally many images, in ascending order; those without an image are left out.
    """
    bins = assign_bins(probabilities, choose_bin_count(clusters))
    found = []
    for number in np.unique(bins):
        inside = bins == number
        observed = measure_proportion(is_there[inside], clusters[inside]).to_estimate()
        mean = float(probabilities[inside].mean())
        found.append(ReliabilityBin(mean, observed, int(inside.sum())))
    return tuple(found)


def _compare_brier(
    after: Scores, before: Scores, is_there: Flags, clusters: ClassIndices
) -> Difference:
    """The paired difference of the Brier scores, by patient."""
    change = (after - is_there) ** 2 - (before - is_there) ** 2
    value, n_patients = float(change.mean()), count_patients(clusters)
    if n_patients < TOO_FEW:
        return leave_open(value, change.size, n_patients)
    error = float(np.sqrt(find_ratio_variance(change, clusters)))
    reach = float(stdtrit(n_patients - 1, 0.975)) * error
    p_value = 2 * float(stdtr(n_patients - 1, -abs(value) / error)) if error > 0 else None
    ends = value - reach, value + reach
    return show(value, ends, change.size, "paired, t by patient", p_value)
