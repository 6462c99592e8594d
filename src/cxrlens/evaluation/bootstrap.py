"""Patients are drawn again with replacement, all of their images together.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.cases import AnyCases
from cxrlens.vocabulary import InputError, Scores

_CELLS = 1_000_000
"""Weights held at once: bounds the memory."""

FEWEST_RESAMPLES = 40
"""With fewer, a 2.5 % point lies outside all draws."""


@dataclass(frozen=True)
class Resampling:
    """How often patients are drawn again, and by which chance.

    Raises:
        InputError: if there are too few resamples for an interval.
    """

    seed: int
    """Of the random generator; the same seed gives the same draws."""

    resamples: int
    """How many sets of patients are drawn, at least `FEWEST_RESAMPLES`."""

    def __post_init__(self) -> None:
        """Check the number."""
        if self.resamples < FEWEST_RESAMPLES:
            raise InputError(
                f"resamples must be at least {FEWEST_RESAMPLES} for a 95 % interval; "
                f"got {self.resamples}. Give 2000."
            )

    def draw(self, n_patients: int) -> Iterator[Float64[np.ndarray, "chunk patients"]]:
        """Draw how often each patient occurs in each resample.

        Args:
            n_patients: how many there are.

        Yields:
            Chunks of resamples in rows; each row sums to the number of patients.
        """
        generator = np.random.default_rng(self.seed)
        size = max(_CELLS // n_patients, 1)
        for start in range(0, self.resamples, size):
            rows = min(size, self.resamples - start)
            drawn = generator.integers(n_patients, size=(rows, n_patients))
            drawn += np.arange(rows)[:, None] * n_patients
            times = np.bincount(drawn.ravel(), minlength=rows * n_patients)
            yield times.reshape(rows, n_patients).astype(np.float64)


def resample_counts(
    by_patient: Int64[np.ndarray, "patients *counts"], resampling: Resampling
) -> Float64[np.ndarray, "b *counts"]:
    """Draw patients again and add up their counts.

    Args:
        by_patient: a confusion matrix a patient, or one a patient and class.
        resampling: how often, and by which chance.

    Returns:
        The same, one a resample.
    """
    flat = by_patient.reshape(len(by_patient), -1).astype(np.float64)
    return resample_sums(flat, resampling).reshape(-1, *by_patient.shape[1:])


def resample_sums(
    by_patient: Float64[np.ndarray, "patients cells"], resampling: Resampling
) -> Float64[np.ndarray, "b cells"]:
    """Draw patients again and add up their numbers.

    Args:
        by_patient: some numbers a patient.
        resampling: how often, and by which chance.

    Returns:
        Their sums, one row a resample.
    """
    return np.concatenate([weights @ by_patient for weights in resampling.draw(len(by_patient))])


def resample_macro_auroc(
    cases: AnyCases, present: Sequence[int], resampling: Resampling
) -> Float64[np.ndarray, " b"]:
    """Draw patients again and average the AUROCs of the classes.

    Args:
        cases: the labelled images.
        present: the classes to average over, each against all others.
        resampling: how often, and by which chance.

    Returns:
        A mean a resample, over those of its classes that still have an AUROC; resamples where
        none has are left out.
    """
    return resample_macro_aurocs([cases], present, resampling)[:, 0]


def resample_macro_aurocs(
    models: Sequence[AnyCases], present: Sequence[int], resampling: Resampling
) -> Float64[np.ndarray, "b models"]:
    """Draw patients again, the same for several models, and average each one's AUROCs.

    Args:
        models: what each says of the same labelled images, in the same order; their folds may
            differ.
        present: the classes to average over, each against all others.
        resampling: how often patients are drawn again, and by which chance.

    Returns:
        As `average_aurocs`.
    """
    return average_aurocs(resample_aurocs(models, present, resampling))


def resample_aurocs(
    models: Sequence[AnyCases], present: Sequence[int], resampling: Resampling
) -> Float64[np.ndarray, "b models classes"]:
    """Draw patients again, the same for several models, and take each one's AUROCs.

    Args:
        models: as for `resample_macro_aurocs`.
        present: the classes, each against all others.
        resampling: how often, and by which chance.

    Returns:
        The AUROC of each class and model in each resample; NaN where it does not exist.
    """
    patients = np.unique(models[0].clusters)
    ladders = [[_build_ladder(one.rank(index), patients) for index in present] for one in models]
    aurocs = [
        np.array([[_weigh_auroc(ladder, weights) for ladder in own] for own in ladders])
        for weights in resampling.draw(patients.size)
    ]
    return np.concatenate(aurocs, axis=2).transpose(2, 0, 1)


def average_aurocs(
    aurocs: Float64[np.ndarray, "b models classes"],
) -> Float64[np.ndarray, "left models"]:
    """Average the AUROCs of the classes in each resample.

    Args:
        aurocs: as `resample_aurocs` gives them.

    Returns:
        A mean a resample and model, over those of the classes that have an AUROC in every model;
        resamples where none has are left out.
    """
    is_defined = np.isfinite(aurocs).all(axis=1, keepdims=True)
    count = is_defined.sum(axis=2)
    total = np.where(is_defined, aurocs, 0.0).sum(axis=2)
    left = count[:, 0] > 0
    return np.asarray(total[left] / count[left])


@dataclass(frozen=True, eq=False)
class _Ladder:
    """Images in the order of fold and score, with the rungs that share both."""

    patients: Int64[np.ndarray, " n"]
    is_positive: Scores
    rungs: Int64[np.ndarray, " rungs"]
    folds: Int64[np.ndarray, " folds"]
    fold_of_rung: Int64[np.ndarray, " rungs"]


def _build_ladder(ranking: Ranking, patients: Int64[np.ndarray, " patients"]) -> _Ladder:
    order = np.lexsort((ranking.scores, ranking.folds))
    folds, scores = ranking.folds[order], ranking.scores[order]
    is_new_fold = np.append(True, folds[1:] != folds[:-1])
    is_new_rung = is_new_fold | np.append(True, scores[1:] != scores[:-1])
    rungs = np.flatnonzero(is_new_rung)
    fold_of_rung = np.cumsum(is_new_fold[rungs]) - 1
    return _Ladder(
        np.searchsorted(patients, ranking.clusters[order]),
        ranking.is_positive[order].astype(np.float64),
        rungs,
        np.flatnonzero(is_new_fold[rungs]),
        fold_of_rung,
    )


def _weigh_auroc(
    ladder: _Ladder, weights: Float64[np.ndarray, "chunk patients"]
) -> Float[np.ndarray, " chunk"]:
    """The AUROC within folds with each patient counted so often; NaN without a pair."""
    by_image = weights[:, ladder.patients]
    positive, negative = by_image * ladder.is_positive, by_image * (1 - ladder.is_positive)
    if ladder.rungs.size < by_image.shape[1]:  # ties
        positive, negative = (
            np.add.reduceat(side, ladder.rungs, axis=1) for side in (positive, negative)
        )
    up_to = np.cumsum(negative, axis=1)
    if ladder.folds.size > 1:
        before = (up_to - negative)[:, ladder.folds]
        up_to -= before[:, ladder.fold_of_rung]
    wins = np.einsum("ij,ij->i", positive, up_to) - np.einsum("ij,ij->i", positive, negative) / 2
    by_fold = [np.add.reduceat(side, ladder.folds, axis=1) for side in (positive, negative)]
    pairs = np.einsum("ij,ij->i", by_fold[0], by_fold[1])
    return np.asarray(np.divide(wins, pairs, out=np.full(len(wins), np.nan), where=pairs > 0))
