"""One class against all that is not it, in figures.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

from cxrlens.evaluation.auroc import Ranking, measure_auroc
from cxrlens.evaluation.average_precision import measure_average_precision
from cxrlens.evaluation.balanced_accuracy import measure_balanced_accuracy
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.brier import measure_brier
from cxrlens.evaluation.calibration_error import CalibrationError, measure_calibration_error
from cxrlens.evaluation.figure import Figure, leave_undefined
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import ClassReport, Outcomes
from cxrlens.vocabulary import Estimate, Flags


@dataclass(frozen=True)
class ClassFigures:
    """What is measured of one class."""

    precision: Figure
    """Share of decisions for the class that are right; 0 where there are none."""

    recall: Figure
    """Share of the class that is found; on 0 images where it has none."""

    specificity: Figure
    """Share of the images without the class that are not decided for it; on 0 images where each
    has it."""

    f1: Figure
    """Harmonic mean of precision and recall."""

    auroc: Figure | None
    """None where no fold has images with and without the class."""

    npv: Figure
    """Share of the images not decided for that do not have the class; on 0 where there are none."""

    balanced_accuracy: Figure | None
    """None where there are no images with the class, or none without it."""

    average_precision: Figure | None
    """None where no fold has images with and without the class."""

    brier: Figure | None
    """None where there is no image at all."""

    calibration_error: CalibrationError | None
    """None where there is no image at all."""

    outcomes: Outcomes
    """The counts behind them."""


def measure_class(ranking: Ranking, is_decided: Flags, resampling: Resampling) -> ClassFigures:
    """Measure how well images with one class are told from those without it.

    Args:
        ranking: the images of which it is known whether they have it; the scores are
            probabilities.
        is_decided: whether each of them is decided for it.
        resampling: of the patients behind the calibration error.

    Returns:
        Its figures.
    """
    is_true, clusters = ranking.is_positive, ranking.clusters
    is_hit, either = is_true & is_decided, is_true | is_decided
    scores = ranking.scores
    is_any = scores.size > 0
    return ClassFigures(
        precision=measure_proportion(is_hit[is_decided], clusters[is_decided]),
        recall=measure_proportion(is_hit[is_true], clusters[is_true]),
        specificity=measure_proportion(~is_decided[~is_true], clusters[~is_true]),
        f1=turn_into_f1(measure_proportion(is_hit[either], clusters[either])),
        auroc=measure_auroc(ranking),
        npv=measure_proportion(~is_true[~is_decided], clusters[~is_decided]),
        balanced_accuracy=measure_balanced_accuracy(is_true, is_decided, clusters),
        average_precision=measure_average_precision(ranking),
        brier=measure_brier(scores, is_true, clusters) if is_any else None,
        calibration_error=(
            measure_calibration_error(scores, is_true, clusters, resampling) if is_any else None
        ),
        outcomes=Outcomes(
            true_positives=int(is_hit.sum()),
            false_negatives=int((is_true & ~is_decided).sum()),
            false_positives=int((is_decided & ~is_true).sum()),
            true_negatives=int((~either).sum()),
        ),
    )


def turn_into_f1(overlap: Figure) -> Figure:
    """Turn a share J = TP / (TP + FP + FN) of images into F1 = 2 J / (1 + J), and its ends."""
    value, low, high = (
        2 * share / (1 + share) for share in (overlap.value, overlap.low, overlap.high)
    )
    return replace(overlap, value=value, low=low, high=high, method=f"F1 of {overlap.method}")


def report_class(name: str, ranking: Ranking, figures: ClassFigures) -> ClassReport:
    """Tell the figures of one class.

    Args:
        name: the class.
        ranking: the images of which it is known whether they have it.
        figures: as measured.

    Returns:
        The report; what does not exist has no value.
    """
    n_images = int(ranking.is_positive.sum())
    absent = leave_undefined("no image of this class")
    unopposed = leave_undefined("no image without this class")
    unpaired = leave_undefined("no fold has images with and without this class")
    unknown = leave_undefined("no image of which it is known whether it has this class")
    error = figures.calibration_error
    return ClassReport(
        class_name=name,
        n_images=n_images,
        n_patients=count_patients(ranking.clusters[ranking.is_positive]),
        precision=_tell_precision(figures.precision, n_images),
        recall=figures.recall.to_estimate() if n_images else absent,
        specificity=figures.specificity.to_estimate() if figures.specificity.n else unopposed,
        f1=figures.f1.to_estimate() if n_images else absent,
        auroc=_tell(figures.auroc, unpaired),
        npv=_tell(figures.npv if figures.npv.n else None, leave_undefined("decided for on each")),
        balanced_accuracy=_tell(figures.balanced_accuracy, absent if not n_images else unopposed),
        average_precision=_tell(figures.average_precision, unpaired),
        brier=_tell(figures.brier, unknown),
        calibration_error=_tell(error.seen if error else None, unknown),
        calibration_error_debiased=_tell(error.debiased if error else None, unknown),
        outcomes=figures.outcomes,
    )


def _tell(figure: Figure | None, otherwise: Estimate) -> Estimate:
    return figure.to_estimate() if figure else otherwise


def _tell_precision(figure: Figure, n_images: int) -> Estimate:
    """A class that is never decided for has a precision of 0, if it has images at all."""
    if figure.n:
        return figure.to_estimate()
    if n_images:
        return Estimate(0.0, None, None, 0, "never decided for: counted as 0")
    return leave_undefined("no image of this class and no decision for it")
