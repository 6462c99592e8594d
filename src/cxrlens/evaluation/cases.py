"""The labelled images of a judgement.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.patients import count_patients
from cxrlens.vocabulary import ClassIndices, PredictionTable, TableError


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


def select_labelled(table: PredictionTable) -> Cases:
    """Keep the rows whose truth is known.

    Args:
        table: the predictions.

    Returns:
        The labelled rows, with the probabilities as scores.

    Raises:
        TableError: if no truth is known.
    """
    keep = table.is_labelled
    if not keep.any():
        raise TableError(
            f"a judgement needs images with a known truth; got {keep.size} images with none. "
            "Give a table with labels."
        )
    return Cases(
        table.classes,
        table.truth[keep],
        table.probabilities[keep],
        table.clusters[keep],
        table.folds[keep],
    )
