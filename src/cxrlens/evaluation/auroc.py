"""The area under the ROC curve, with an interval that knows about patients and folds.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.special import stdtrit

from cxrlens.evaluation.auroc_score_interval import find_score_ends
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.logit import find_logit_ends
from cxrlens.evaluation.patients import (
    TOO_FEW,
    count_deviating,
    count_patients,
    find_worst_design_effect,
    sum_by_patient,
)
from cxrlens.vocabulary import ClassIndices, Flags, Scores


@dataclass(frozen=True, eq=False)
class Ranking:
    """Scores of positives and negatives, to be compared within folds."""

    scores: Scores
    """One an image; larger speaks for the class."""

    is_positive: Flags
    """Whether each image's truth is the class."""

    clusters: ClassIndices
    """A number for each image's patient."""

    folds: ClassIndices
    """The fold of each image; images of different folds are never compared."""


@dataclass(frozen=True)
class Spread:
    """The variance of an AUROC and how well it is known."""

    variance: float
    """At least 0."""

    degrees_of_freedom: float
    """Of the t distribution, after Satterthwaite; infinite where the variance is 0."""


def measure_auroc(ranking: Ranking) -> Figure | None:
    """Measure the AUROC: how often a positive scores above a negative of the same fold.

    Ties count half. With several folds this is the mean of their AUROCs, weighted by their pairs,
    since scores of different models cannot be compared. The interval is Obuchowski's for
    clustered data on the logit scale (DeLong's where each patient has one image), with Student's
    t for small samples. Where fewer than `TOO_FEW` patients with positives, or with negatives,
    stand elsewhere among the other side than the rest do (a perfect ranking, or nearly one), that
    variance is about nothing: the interval then also holds Newcombe's score interval with
    patients in place of images, which does not collapse at 1.

    Args:
        ranking: the images.

    Returns:
        The AUROC with its interval; None where no fold has a positive and a negative.

    Source:
        Obuchowski, Biometrics 1997;53:567-578; DeLong et al., Biometrics
        1988;44:837-845; degrees of freedom: Brunner and Munzel, Biom J 2000;42:17-25;
        Newcombe, Stat Med 2006;25:559-573 (method 5).

    Example:
        >>> import numpy as np
        >>> zeros = np.zeros(4, dtype=np.int64)
        >>> scores = np.array([0.1, 0.4, 0.35, 0.8])
        >>> truth = np.array([False, False, True, True])
        >>> measure_auroc(Ranking(scores, truth, np.arange(4), zeros)).value
        0.75
    """
    ranking = keep_comparable(ranking)
    if ranking.scores.size == 0:
        return None
    places, weights = find_places(ranking)
    sides = (ranking.is_positive, ~ranking.is_positive)
    value = float((weights * places)[ranking.is_positive].sum())
    if math.isclose(value, 1.0, rel_tol=1e-12):
        value = 1.0  # but for the rounding of the weights
    is_lean = min(count_deviating(ranking.clusters, places, side) for side in sides) < TOO_FEW
    low, high = _find_ends(ranking, value, weights * (places - value))
    if is_lean:
        ends = _find_score_ends_by_patient(ranking, value)
        low, high = min(low, ends[0]), max(high, ends[1])
    n_patients = min(count_patients(ranking.clusters[side]) for side in sides)
    method = _name_method(is_lean, np.unique(ranking.folds).size)
    return Figure(value, low, high, ranking.scores.size, n_patients, is_lean, method)


def _name_method(is_lean: bool, n_folds: int) -> str:
    parts = ["Obuchowski by patient, logit scale"]
    if is_lean:
        parts.append(", widened to Newcombe's method 5 on patients: few ranks differ")
    if n_folds > 1:
        parts.append("; images compared within folds only")
    return "".join(parts)


def _find_ends(
    ranking: Ranking, value: float, errors: Float64[np.ndarray, " n"]
) -> tuple[float, float]:
    """Obuchowski's interval from each image's part in the error of the AUROC."""
    spread = find_spread(ranking, errors)
    quantile = float(stdtrit(spread.degrees_of_freedom, 0.975))
    return find_logit_ends(value, spread.variance, quantile)


def keep_comparable(ranking: Ranking) -> Ranking:
    """Keep the images of those folds that have positives and negatives.

    Args:
        ranking: the images.

    Returns:
        The same without the images that can be compared with none; maybe no image at all.
    """
    return take(ranking, find_comparable(ranking))


def find_comparable(ranking: Ranking) -> Flags:
    """Find the images of those folds that have positives and negatives."""
    folds, positive = ranking.folds, ranking.is_positive
    return np.isin(folds, np.intersect1d(folds[positive], folds[~positive]))


def take(ranking: Ranking, rows: Flags) -> Ranking:
    """Take some of the images."""
    return Ranking(
        ranking.scores[rows],
        ranking.is_positive[rows],
        ranking.clusters[rows],
        ranking.folds[rows],
    )


def find_places(
    ranking: Ranking,
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Find where each image stands among the other side's images of its fold.

    Args:
        ranking: the images; each fold has positives and negatives.

    Returns:
        Of each positive the share of negatives below it, of each negative the share of
        positives above it (ties half), in [0, 1]; and each image's weight: its pairs' share of
        all pairs, so that the weights of either side sum to 1.

    Source:
        The structural components V10 and V01 of Obuchowski, Biometrics 1997;53:567-578.
    """
    places = np.empty(ranking.scores.size)
    weights = np.empty(ranking.scores.size)
    for fold in np.unique(ranking.folds):
        inside = ranking.folds == fold
        positive = inside & ranking.is_positive
        negative = inside & ~ranking.is_positive
        above, below = ranking.scores[positive], ranking.scores[negative]
        places[positive] = _find_shares_below(above, below)
        places[negative] = 1 - _find_shares_below(below, above)
        weights[positive], weights[negative] = below.size, above.size
    return places, weights / weights[ranking.is_positive].sum()


def _find_shares_below(
    scores: Float[np.ndarray, " a"], others: Float[np.ndarray, " b"]
) -> Float64[np.ndarray, " a"]:
    """The share of the others below each score, ties half."""
    ordered = np.sort(others)
    twice = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(twice / (2 * ordered.size))


def find_spread(ranking: Ranking, errors: Float64[np.ndarray, " n"]) -> Spread:
    """Find Obuchowski's variance of the AUROC.

    Args:
        ranking: the images; each fold has positives and negatives.
        errors: each image's part in the error: its weight times its place less the AUROC.

    Returns:
        The variance, with degrees of freedom as if positives and negatives were independent.

    Source:
        Obuchowski, Biometrics 1997;53:567-578; degrees of freedom: Brunner and Munzel, Biom J
        2000;42:17-25.
    """
    positive, clusters = ranking.is_positive, ranking.clusters
    of_positives, of_negatives = (
        _find_side_variance(errors[side], clusters[side]) for side in (positive, ~positive)
    )
    n_patients = count_patients(clusters)
    by_positives = sum_by_patient(errors * positive, clusters)
    by_negatives = sum_by_patient(errors * ~positive, clusters)
    between = (by_positives * by_negatives).sum() * n_patients / max(n_patients - 1, 1)
    independent = of_positives.variance + of_negatives.variance
    unsure = sum(
        side.variance**2 / side.degrees_of_freedom for side in (of_positives, of_negatives)
    )
    degrees = independent**2 / unsure if unsure > 0 else math.inf
    return Spread(max(float(independent + 2 * between), 0.0), float(degrees))


def _find_side_variance(errors: Float64[np.ndarray, " n"], clusters: ClassIndices) -> Spread:
    """What the positives alone, or the negatives alone, add to the variance."""
    by_patient = sum_by_patient(errors, clusters)
    degrees = max(by_patient.size - 1, 1)
    variance = float((by_patient**2).sum()) * by_patient.size / degrees
    return Spread(variance, float(degrees))


def _find_score_ends_by_patient(ranking: Ranking, value: float) -> tuple[float, float]:
    """Newcombe's interval as if all images of a patient were one image."""
    positive = ranking.is_positive
    counts = []
    for side in (positive, ~positive):
        _, images = np.unique(ranking.folds[side], return_counts=True)
        counts.append(images / find_worst_design_effect(ranking.clusters[side]))
    return find_score_ends(value, counts[0], counts[1])
