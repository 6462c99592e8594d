"""Probabilities with known labels become a threshold by a rule.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.class_counts import count_classes
from cxrlens.evaluation.operating_rule import OperatingRule
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import (
    ARGMAX,
    EACH_AT_HALF,
    ClassIndices,
    Estimate,
    Flags,
    OperatingPoint,
    PredictionTable,
    Probabilities,
    Scores,
    Threshold,
)


def choose_operating_point(
    table: PredictionTable,
    probabilities: Probabilities,
    rule: OperatingRule,
    chosen_on: str,
    fewest: int = 1,
) -> OperatingPoint:
    """Choose a threshold for each class by a rule, each class against all others.

    Args:
        table: for its labels and patients; of one model.
        probabilities: n x k, those that decide.
        rule: what is wanted.
        chosen_on: the data, in words.
        fewest: patients with a class, and patients without it, that its threshold asks for.

    Returns:
        The point. Of two classes that exclude each other the second is the positive one and has
        the only threshold; of more the largest probability decides as ever, and thresholds flag.
        A class with fewer patients than asked for, or for which the rule cannot be met, has no
        threshold.
    """
    labels, is_multilabel = table.known_labels, table.labels is not None
    wanted = range(len(table.classes))
    if len(table.classes) == 2 and not is_multilabel:
        wanted = range(1, 2)
    counts = count_classes(table.classes, labels, table.clusters)
    found = (
        choose_threshold(
            table.classes[index], probabilities[:, index], labels[:, index], table.clusters, rule
        )
        for index in wanted
        if min(counts[index].n_positive_patients, counts[index].n_negative_patients) >= fewest
    )
    thresholds = tuple(one for one in found if one is not None)
    point = EACH_AT_HALF if is_multilabel else ARGMAX
    if not thresholds:
        return point
    is_decided = is_multilabel or len(table.classes) == 2
    return replace(
        point,
        rule=str(rule) if is_decided else point.rule,
        chosen_on=chosen_on,
        thresholds=thresholds,
        threshold_rule=str(rule),
    )


def choose_threshold(
    name: str,
    scores: Scores,
    labels: Scores,
    clusters: ClassIndices,
    rule: OperatingRule,
) -> Threshold | None:
    """Choose the threshold of one class.

    A threshold lies halfway between two neighbouring scores, so that no case sits on it and
    another machine's rounding moves none across; below the lowest score it lies halfway to 0,
    above the highest halfway to 1. Where the rule finds several equally good, the lowest is taken:
    it misses fewest.

    Args:
        name: the class.
        scores: its probabilities.
        labels: 1 there, 0 not there, NaN not known: left out.
        clusters: a number for each row's patient.
        rule: what is wanted.

    Returns:
        The threshold with what it reaches on these same cases; None where one side is missing or
        the rule cannot be met.
    """
    known = np.isfinite(labels)
    is_there, own = labels[known] == 1, scores[known].astype(np.float64)
    n_positives, n_negatives = int(is_there.sum()), int((~is_there).sum())
    if n_positives == 0 or n_negatives == 0:
        return None
    levels = list_levels(own)
    found = _count_from(own[is_there], levels)
    alarms = _count_from(own[~is_there], levels)
    rating = rule.rate(found, alarms, n_positives, n_negatives)
    best = int(np.argmax(rating))  # levels ascend: the first of equals is the lowest
    if not np.isfinite(rating[best]):
        return None
    level, patients = float(levels[best]), clusters[known]
    return Threshold(
        class_name=name,
        value=level,
        sensitivity=_tell_in_sample(own[is_there] >= level, patients[is_there]),
        specificity=_tell_in_sample(own[~is_there] < level, patients[~is_there]),
        n_positives=n_positives,
        n_negatives=n_negatives,
        n_positive_patients=count_patients(patients[is_there]),
    )


def list_levels(scores: Scores) -> Float64[np.ndarray, " c"]:
    """List every threshold that divides the scores otherwise, ascending.

    Args:
        scores: in [0, 1]; at least one.

    Example:
        >>> import numpy as np
        >>> list_levels(np.array([0.25, 0.5, 0.5])).tolist()
        [0.125, 0.375, 0.75]
    """
    known = np.unique(scores)
    between = (known[1:] + known[:-1]) / 2
    # neighbours in floating point have no number between them
    between = np.where(between > known[:-1], between, known[1:])
    ends = [(known[-1] + 1) / 2] if known[-1] < 1 else []
    return np.concatenate([[known[0] / 2], between, ends])


def _count_from(scores: Scores, levels: Float64[np.ndarray, " c"]) -> Float64[np.ndarray, " c"]:
    """How many scores are at or above each level."""
    ascending = np.sort(scores)
    return (scores.size - np.searchsorted(ascending, levels, "left")).astype(np.float64)


def _tell_in_sample(hits: Flags, clusters: ClassIndices) -> Estimate:
    estimate = measure_proportion(hits, clusters).to_estimate()
    return replace(
        estimate, method=f"in-sample (these cases chose the threshold): {estimate.method}"
    )
