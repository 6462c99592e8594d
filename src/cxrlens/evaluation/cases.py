"""The labelled images of a judgement.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.patients import count_patients
from cxrlens.vocabulary import ClassIndices, Flags, LabelMatrix, PredictionTable, TableError


@dataclass(frozen=True, eq=False)
class Cases:
    """Images with a known truth; all columns have the same length n."""

    classes: tuple[str, ...]
    """The k classes, in the order of the columns of `scores`."""

    truth: ClassIndices
    """Index into `classes`; never -1."""

    scores: Float[np.ndarray, "n k"]
    """One column a class; larger speaks for the class."""

    clusters: ClassIndices
    """A number for each image's patient."""

    folds: ClassIndices
    """The fold whose model answered."""

    def rank(self, index: int) -> Ranking:
        """Take one class against all others."""
        return Ranking(self.scores[:, index], self.truth == index, self.clusters, self.folds)

    def count_patients_of(self, index: int) -> int:
        """Count the patients with an image of one class."""
        return count_patients(self.clusters[self.truth == index])

    @property
    def present(self) -> tuple[int, ...]:
        """The classes that have an image."""
        return tuple(int(index) for index in np.unique(self.truth))


@dataclass(frozen=True, eq=False)
class MultiLabelCases:
    """Images that may have several classes, or none; all columns have the same length n."""

    classes: tuple[str, ...]
    """The k classes, in the order of the columns of `labels` and `scores`."""

    labels: LabelMatrix
    """1 there, 0 not there, -1 uncertain, NaN missing; one of each row is 1 or 0."""

    scores: Float[np.ndarray, "n k"]
    """One column a class; larger speaks for the class."""

    clusters: ClassIndices
    """A number for each image's patient."""

    folds: ClassIndices
    """The fold whose model answered."""

    def rank(self, index: int) -> Ranking:
        """Take the images of which it is known whether they have one class."""
        labels = self.labels[:, index]
        known = (labels == 0) | (labels == 1)
        return Ranking(
            self.scores[known, index], labels[known] == 1, self.clusters[known], self.folds[known]
        )

    def count_patients_of(self, index: int) -> int:
        """Count the patients with an image of one class."""
        return count_patients(self.clusters[self.labels[:, index] == 1])

    @property
    def present(self) -> tuple[int, ...]:
        """The classes that have an image."""
        return tuple(int(index) for index in np.flatnonzero((self.labels == 1).any(axis=0)))


AnyCases = Cases | MultiLabelCases
"""One class an image, or several."""


def select_labelled(table: PredictionTable) -> Cases:
    """Keep the rows whose truth is known.

    Args:
        table: the predictions, one class an image.

    Returns:
        The labelled rows, with the probabilities as scores.

    Raises:
        TableError: if no truth is known, or an image may have several classes.
    """
    keep = _find_labelled(table)
    if table.labels is not None:
        raise TableError(
            "this needs images of one class each; the table has several labels an image. Choose "
            f"one class, such as {table.classes[0]!r}."
        )
    return Cases(
        table.classes,
        table.truth[keep],
        table.probabilities[keep],
        table.clusters[keep],
        table.folds[keep],
    )


def select_multilabel(table: PredictionTable, labels: LabelMatrix) -> MultiLabelCases:
    """Keep the rows of which one label at least is known.

    Args:
        table: the predictions.
        labels: the table's.

    Returns:
        The labelled rows, with the probabilities as scores.

    Raises:
        TableError: if no label is known.
    """
    keep = _find_labelled(table)
    return MultiLabelCases(
        table.classes,
        labels[keep],
        table.probabilities[keep],
        table.clusters[keep],
        table.folds[keep],
    )


def _find_labelled(table: PredictionTable) -> Flags:
    keep = table.is_labelled
    if not keep.any():
        raise TableError(
            f"a judgement needs images with a known truth; got {keep.size} images with none. "
            "Give a table with labels."
        )
    return keep
