"""A linear classifier answers for patients that it never saw, for real and for shuffled labels.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.linalg import cho_factor, cho_solve

N_FOLDS = 5
"""Parts of the patients."""

RIDGE = 0.3
"""Penalty, as a share of the mean eigenvalue of the features' covariance over its rank."""

Labels = Float64[np.ndarray, "n k"]
"""1 there, 0 not there, NaN not known."""

Answers = Float64[np.ndarray, "n k"]
"""One column a class; larger speaks for it."""

Features = Float64[np.ndarray, "n p"]
"""One row an image."""


@dataclass(frozen=True, eq=False)
class Question:
    """Whose classes are asked for: the same for every classifier that answers."""

    labels: Labels
    """Of each image."""

    clusters: Int64[np.ndarray, " n"]
    """A number for each image's group (patient, or patient and repeats)."""

    folds: Int64[np.ndarray, " n"]
    """The fold of each image; a group lies in one."""

    shuffles: Int64[np.ndarray, "n b"]
    """Rows whose labels each image gets in each shuffle: those of another patient."""


def ask(
    labels: Labels, clusters: Int64[np.ndarray, " n"], *, seed: int = 0, n_shuffles: int = 0
) -> Question:
    """Deal patients out to folds, stratified by class, and shuffle their labels.

    Args:
        labels: of each image.
        clusters: a number for each image's group.
        seed: of both.
        n_shuffles: how many.
    """
    generator = np.random.default_rng(seed)
    _, first, position = np.unique(clusters, return_index=True, return_inverse=True)
    order = generator.permutation(first.size)
    leading = np.argmax(np.nan_to_num(labels[first[order]]) == 1, axis=1)
    order = order[np.argsort(leading, kind="stable")]
    dealt = np.empty(first.size, dtype=np.int64)
    dealt[order] = np.arange(first.size) % N_FOLDS
    shuffles = _shuffle(position, first.size, n_shuffles, generator)
    return Question(labels, clusters, dealt[position], shuffles)


def _shuffle(
    position: Int64[np.ndarray, " n"], n_groups: int, n: int, generator: np.random.Generator
) -> Int64[np.ndarray, "n b"]:
    """Each group gets the labels of another group's images, in their order, in turns."""
    order = np.argsort(position, kind="stable")
    sizes = np.bincount(position, minlength=n_groups)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(position), dtype=np.int64)
    place[order] = np.arange(len(position)) - np.repeat(starts, sizes)
    columns = []
    for _ in range(n):
        giver = generator.permutation(n_groups)[position]
        columns.append(order[starts[giver] + place % sizes[giver]])
    return np.stack(columns, axis=1) if columns else np.empty((len(position), 0), dtype=np.int64)


def answer(features: Features, question: Question, *, ridge: float = RIDGE) -> Answers:
    """Answer each fold by ridge regression on the labels of the others.

    Args:
        features: finite.
        question: what is asked.
        ridge: the penalty.

    Returns:
        Answers whose folds may be compared within themselves only.

    Source:
        Hoerl and Kennard, Technometrics 1970;12:55-67. On 0/1 labels it is Fisher's discriminant
        up to the penalty.
    """
    return _answer(features, question, _centre(question.labels[:, :, None]), ridge)[:, :, 0]


def answer_shuffled(
    features: Features, question: Question, *, ridge: float = RIDGE
) -> Float64[np.ndarray, " b"]:
    """Give the macro AUROC of the same classifier for each shuffle of the labels."""
    shuffled = question.labels[question.shuffles].transpose(0, 2, 1)
    scores = _answer(features, question, _centre(shuffled), ridge)
    return measure_macro(scores, shuffled, question.folds)


def _centre(labels: Float64[np.ndarray, "n k b"]) -> Float64[np.ndarray, "n k b"]:
    """Labels less their class's mean; 0 where not known."""
    known = np.isfinite(labels)
    mean = np.where(known, labels, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, labels - mean, 0.0)


def _answer(
    features: Features, question: Question, targets: Float64[np.ndarray, "n k b"], ridge: float
) -> Float64[np.ndarray, "n k b"]:
    n = len(features)
    flat = targets.reshape(n, -1)
    scores = np.zeros_like(flat)
    for train, test in list_folds(question.folds):
        if len(train) and len(test):
            scores[test] = _fit(features[train], features[test], flat[train], ridge)
    return scores.reshape(targets.shape)


def list_folds(
    folds: Int64[np.ndarray, " n"],
) -> Iterator[tuple[Int64[np.ndarray, " train"], Int64[np.ndarray, " test"]]]:
    """Give the rows to learn from and the rows to answer for, fold by fold."""
    for fold in np.unique(folds):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def _fit(
    known: Float64[np.ndarray, "m p"],
    asked: Float64[np.ndarray, "t p"],
    targets: Float64[np.ndarray, "m c"],
    ridge: float,
) -> Float64[np.ndarray, "t c"]:
    """Ridge regression in whichever form is smaller."""
    mean, spread = known.mean(axis=0), known.std(axis=0)
    varies = spread > 1e-9
    if not varies.any():
        return np.zeros((len(asked), targets.shape[1]))
    scale = spread[varies]
    inside = (known[:, varies] - mean[varies]) / scale
    outside = (asked[:, varies] - mean[varies]) / scale
    m, p = inside.shape
    penalty = ridge * m * p / min(m, p)
    centred = targets - targets.mean(axis=0)
    if p <= m:
        square = inside.T @ inside
        square[np.diag_indices(p)] += penalty
        return np.asarray(outside @ cho_solve(cho_factor(square), inside.T @ centred))
    square = inside @ inside.T
    square[np.diag_indices(m)] += penalty
    return np.asarray((outside @ inside.T) @ cho_solve(cho_factor(square), centred))


def measure_macro(
    scores: Float64[np.ndarray, "n k b"],
    labels: Float64[np.ndarray, "n k b"],
    folds: Int64[np.ndarray, " n"],
) -> Float64[np.ndarray, " b"]:
    """Measure many macro AUROCs at once: pairs within folds, the mean over classes that have any.

    Args:
        scores: larger speaks for the class.
        labels: 1, 0, NaN.
        folds: of each image.

    Returns:
        One a layer; NaN where no class has a pair.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 (slow)

    wins, pairs = np.zeros(scores.shape[1:]), np.zeros(scores.shape[1:])
    for fold in np.unique(folds):
        rows = folds == fold
        truth = labels[rows]
        positive, negative = truth == 1, truth == 0
        # What is not known goes to the end, where it is above nobody.
        ranked = rankdata(np.where(positive | negative, scores[rows], np.inf), axis=0)
        n_positive, n_negative = positive.sum(axis=0), negative.sum(axis=0)
        won = (ranked * positive).sum(axis=0) - n_positive * (n_positive + 1) / 2
        wins += np.where(n_negative > 0, won, 0.0)
        pairs += n_positive * n_negative
    areas = np.divide(wins, pairs, out=np.full(wins.shape, np.nan), where=pairs > 0)
    has_any = np.isfinite(areas)
    total = np.where(has_any, areas, 0).sum(axis=0)
    count = has_any.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
