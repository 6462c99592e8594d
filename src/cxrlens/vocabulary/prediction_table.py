"""Many predictions with their truth and patients: the one thing that `evaluation` reads.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary.arrays import (
    ClassIndices,
    Decisions,
    Flags,
    LabelMatrix,
    Logits,
    Probabilities,
    Scores,
)
from cxrlens.vocabulary.errors import TableError
from cxrlens.vocabulary.operating_point import ARGMAX, EACH_AT_HALF
from cxrlens.vocabulary.prediction import NONE_OF_THEM

NONE_KNOWN = "none that is known"
"""What the truth is called where no class is known to be there, and not of each whether it is."""


def number_patients(patients: Sequence[str | None]) -> ClassIndices:
    """Give a number for each row's patient; every unknown patient is a patient of its own.

    Args:
        patients: one a row; None means unknown.

    Returns:
        n numbers from 0 without gaps, in the order of first appearance.
    """
    numbers: dict[object, int] = {}
    keys = (("?", i) if p is None else p for i, p in enumerate(patients))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """One row an image; all columns have the same length n.

    Raises:
        TableError: if the columns differ in length, probabilities lie outside [0, 1] or are not
            finite, a truth is no index into the classes, a label is not known, or no row is left.
    """

    classes: tuple[str, ...]
    """The k classes, in the order of the columns of `probabilities`."""

    images: tuple[str, ...]
    """The files, as named in the study table."""

    patients: tuple[str | None, ...]
    """Patient of each image; None means unknown, and is never taken for one patient."""

    truth: ClassIndices
    """Index into `classes`; -1 where the label is missing, and everywhere beside `labels`."""

    logits: Logits
    """As the network gave them."""

    probabilities: Probabilities
    """As the network gave them (not calibrated)."""

    folds: ClassIndices
    """The cross-validation fold whose model answered; all 0 where there was one model."""

    labels: LabelMatrix | None = None
    """In place of `truth` where an image may have several classes, or none: 1 there, 0 not there,
    -1 uncertain, NaN missing."""

    calibrated: Probabilities | None = None
    """By the calibration of the bundle that answered; None where it has none."""

    decisions: Decisions | None = None
    """Whether each class was decided for; None where the largest raw probability decides, or of
    several labels an image each that is at least 0.5."""

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
        if self.labels is not None:
            _check_labels(self.labels, self.truth, k)
        beside = [one.shape for one in (self.calibrated, self.decisions) if one is not None]
        if set(beside) - {(n, k)}:
            raise TableError(
                f"calibrated probabilities and decisions need {n} rows of {k} classes; got {beside}"
            )

    @property
    def known_labels(self) -> LabelMatrix:
        """The labels that are known: 1 there, 0 not there, NaN where nothing or nothing sure is.

        Of one class an image the others are not there.
        """
        if self.labels is not None:
            return np.asarray(np.where(self.labels == -1, np.float32(np.nan), self.labels))
        there = (self.truth[:, None] == np.arange(len(self.classes))).astype(np.float32)
        there[self.truth < 0] = np.nan
        return np.asarray(there)

    @property
    def decided(self) -> Decisions:
        """Whether each class was decided for, by `decisions` or what stands in for them."""
        if self.decisions is not None:
            return self.decisions
        point = ARGMAX if self.labels is None else EACH_AT_HALF
        is_multilabel = self.labels is not None
        return point.decide(self.classes, self.probabilities, is_multilabel=is_multilabel)

    @property
    def clusters(self) -> ClassIndices:
        """A number for each row's patient; every unknown patient is a patient of its own.

        Returns:
            n numbers from 0 without gaps, in the order of first appearance.
        """
        return number_patients(self.patients)

    @property
    def truths(self) -> tuple[str | None, ...]:
        """The true class of each row by name; of several labels those that are there, in words.

        Returns:
            n names; None where it is not known.
        """
        if self.labels is None:
            return tuple(self.classes[i] if i >= 0 else None for i in self.truth.tolist())
        return tuple(
            self._tell(row) if is_known else None
            for row, is_known in zip(self.labels, self.is_labelled, strict=True)
        )

    @property
    def is_labelled(self) -> Flags:
        """Whether each row's truth is known; of several labels, whether one of them is."""
        if self.labels is not None:
            return np.asarray(((self.labels == 0) | (self.labels == 1)).any(axis=1))
        return np.asarray(self.truth >= 0)

    def take(self, rows: Flags) -> "PredictionTable":
        """Give some rows, in their order.

        Args:
            rows: which; at least one.
        """
        return self.arrange(np.flatnonzero(rows), self.classes)

    def arrange(self, rows: ClassIndices, classes: tuple[str, ...]) -> "PredictionTable":
        """Give rows in an order, with the classes in an order.

        Args:
            rows: which, at least one.
            classes: those of the table.
        """
        columns = [self.classes.index(name) for name in classes]
        places = np.array([*(classes.index(name) for name in self.classes), -1])
        return PredictionTable(
            classes=classes,
            images=tuple(self.images[row] for row in rows),
            patients=tuple(self.patients[row] for row in rows),
            truth=places[self.truth[rows]],
            logits=self.logits[rows][:, columns],
            probabilities=self.probabilities[rows][:, columns],
            folds=self.folds[rows],
            labels=None if self.labels is None else self.labels[rows][:, columns],
            calibrated=None if self.calibrated is None else self.calibrated[rows][:, columns],
            decisions=None if self.decisions is None else self.decisions[rows][:, columns],
        )

    def _tell(self, labels: Scores) -> str:
        there = [name for name, label in zip(self.classes, labels, strict=True) if label == 1]
        none = NONE_OF_THEM if (labels == 0).all() else NONE_KNOWN
        return "; ".join(there) or none


def _check_labels(labels: LabelMatrix, truth: ClassIndices, k: int) -> None:
    if labels.shape != (len(truth), k) or (truth >= 0).any():
        raise TableError(
            f"labels need one row an image, one column a class, and no truth beside them; got "
            f"{labels.shape} for {len(truth)} images of {k} classes, {int((truth >= 0).sum())} "
            "with a truth"
        )
    strange = labels[~(np.isin(labels, (1, 0, -1)) | np.isnan(labels))]
    if strange.size:
        raise TableError(f"a label is 1, 0, -1 (uncertain) or NaN (missing); got {strange[0]:g}")
