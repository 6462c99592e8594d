"""Many predictions with their truth and patients: the one thing that `evaluation` reads.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary.arrays import ClassIndices, Flags, Logits, Probabilities
from cxrlens.vocabulary.errors import TableError


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """One row an image; all columns have the same length n.

    Raises:
        TableError: if the columns differ in length, probabilities lie outside [0, 1] or are not
            finite, a truth is no index into the classes, or no row is left.
    """

    classes: tuple[str, ...]
    """The k classes, in the order of the columns of `probabilities`."""

    images: tuple[str, ...]
    """The files, as named in the study table."""

    patients: tuple[str | None, ...]
    """Patient of each image; None means unknown, and is never taken for one patient."""

    truth: ClassIndices
    """Index into `classes`; -1 where the label is missing."""

    logits: Logits
    """As the network gave them."""

    probabilities: Probabilities
    """As the network gave them (not calibrated)."""

    folds: ClassIndices
    """The cross-validation fold whose model answered; all 0 where there was one model."""

    def __post_init__(self) -> None:
        """Check the columns against each other."""
        n, k = len(self.images), len(self.classes)
        lengths = {len(self.patients), len(self.truth), len(self.folds)}
        if n == 0 or lengths != {n} or {self.logits.shape, self.probabilities.shape} != {(n, k)}:
            raise TableError(
                f"a prediction table needs equally long columns and {k} classes; got {n} images, "
                f"{len(self.patients)} patients, {len(self.truth)} truths, "
                f"logits {self.logits.shape}, probabilities {self.probabilities.shape}"
            )
        bad = ~((self.probabilities >= 0) & (self.probabilities <= 1)).all(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            raise TableError(
                f"probabilities must lie in [0, 1]; got {self.probabilities[row].tolist()} "
                f"in row {row} ({self.images[row]!r})"
            )
        if self.truth.min() < -1 or self.truth.max() >= k:
            raise TableError(f"truth must be -1…{k - 1}; got {sorted(set(self.truth.tolist()))}")

    @property
    def clusters(self) -> ClassIndices:
        """A number for each row's patient; every unknown patient is a patient of its own.

        Returns:
            n numbers from 0 without gaps, in the order of first appearance.
        """
        numbers: dict[object, int] = {}
        keys = (("?", i) if p is None else p for i, p in enumerate(self.patients))
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)

    @property
    def is_labelled(self) -> Flags:
        """Whether each row's truth is known."""
        return np.asarray(self.truth >= 0)
