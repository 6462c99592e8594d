"""A collection of images as a checked table, one row an image.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cxrlens.imaging import PixelStore
from cxrlens.vocabulary import ClassIndices, LabelMatrix, Refusal, TableError, show_name, suggest

COLUMNS = ("image", "label", "patient_id", "view", "source", "split", "mask", "boxes")
"""The columns of every study table, in order; others may follow."""

LABEL_PREFIX = "label:"
"""Begins the name of a column that holds the labels of one class, such as `label:Effusion`."""

LABEL_STATES = ("there", "not there", "uncertain", "missing")
"""What a label can say of a class: 1, 0, -1, NaN in `StudyTable.label_matrix`."""

SPLITS = ("train", "val", "test")
"""The parts of a split: fitted on, chosen on, judged on."""


@dataclass(frozen=True, eq=False)
class StudyTable:
    """One row an image; whatever it was read from, this is what the rest of the house sees.

    Raises:
        TableError: if a column is missing, a label is no class, or a split is not known.
    """

    frame: pd.DataFrame
    """The columns of `COLUMNS`, all of dtype object, numbered from 0. `image`: a path usable from
    the current directory, or `FILE#DATASET/INDEX` for an image inside an HDF5 file. `label`: one
    of `classes`, or None. `patient_id`: None means unknown and is never grouped. `view`: `PA`,
    `AP` … as DICOM's View Position has it, `unknown` where it is. `source`: where the image comes
    from, or None. `split`: train, val, test or None. `mask`: what `imaging.read_mask` takes, or
    None. `boxes`: a tuple of `Box`, or None where nobody looked for any.

    A multi-label table has, for every class, a float32 column named `label:` and the class (1
    there, 0 not there, -1 uncertain, NaN missing), and no `label`. Any other column is kept as it
    came (`sex`, `age` …), for counting by it."""

    classes: tuple[str, ...]
    """The labels, in the order in which a model gives them."""

    root: str
    """The folder that image paths are named from when they leave this machine."""

    notes: tuple[str, ...] = ()
    """What was done to the data or is remarkable about them, one sentence each, for people."""

    refusals: tuple[Refusal, ...] = ()
    """What lies in the collection but is no file that can be read."""

    store: PixelStore | None = None
    """Where its decoded images are kept between epochs, runs and processes; None keeps none."""

    def __post_init__(self) -> None:
        """Check the columns."""
        missing = [name for name in COLUMNS if name not in self.frame]
        if missing:
            raise TableError(f"a study table needs the columns {COLUMNS}; {missing} are missing")
        _check_words("label", self.frame["label"], self.classes)
        _check_words("split", self.frame["split"], SPLITS)
        if self.is_multilabel:
            missing = [name for name in self.classes if LABEL_PREFIX + name not in self.frame]
            if missing:
                raise TableError(f"a multi-label table needs a column {LABEL_PREFIX}{missing[0]}")

    def __len__(self) -> int:
        """Number of images."""
        return len(self.frame)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `frame`."""
        return tuple(map(str, self.frame.columns))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The index of each class."""
        return {name: index for index, name in enumerate(self.classes)}

    @property
    def is_multilabel(self) -> bool:
        """Whether an image may have several classes at once, or none."""
        return any(str(name).startswith(LABEL_PREFIX) for name in self.frame.columns)

    @property
    def label_matrix(self) -> LabelMatrix:
        """The label of each image for each class: 1, 0, -1 uncertain, NaN missing."""
        if self.is_multilabel:
            names = [LABEL_PREFIX + name for name in self.classes]
            return np.asarray(self.frame[names].to_numpy(dtype=np.float32))
        matrix = np.zeros((len(self), len(self.classes)), dtype=np.float32)
        targets = self.targets
        labelled = np.flatnonzero(targets >= 0)
        matrix[labelled, targets[labelled]] = 1
        matrix[targets < 0] = np.nan
        return matrix

    @property
    def images(self) -> tuple[str, ...]:
        """The path of each image."""
        return tuple(self.frame["image"])

    @property
    def patients(self) -> tuple[str | None, ...]:
        """The patient of each image; None where unknown."""
        return tuple(self.frame["patient_id"])

    @property
    def targets(self) -> ClassIndices:
        """The class index of each image; -1 where the label is missing."""
        index = self.class_to_idx
        return np.array([index.get(label, -1) for label in self.frame["label"]], dtype=np.int64)

    @property
    def is_phantom(self) -> bool:
        """Whether any image is drawn, as the names say that `cxrlens demo` gives."""
        return any(patient is not None and "phantom" in patient for patient in self.patients)

    @property
    def relative_images(self) -> tuple[str, ...]:
        """The path of each image from `root`, with forward slashes."""
        start = os.path.join(self.root, "")  # noqa: PTH118 (bytes that are no UTF-8 survive)
        relative = (_relate(image, self.root, start) for image in self.frame["image"])
        return tuple(image.replace(os.sep, "/") for image in relative)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Images per part that have each class, such as `counts["train"]["NORMAL"]`.

        Images that are in no part yet stand under `unsplit`; parts without images are left out.
        """
        found = self.count_by("split", missing="unsplit")
        return {part: found[part] for part in ("unsplit", *SPLITS) if part in found}

    @property
    def label_counts(self) -> dict[str, dict[str, int]]:
        """Images per class and what the label says, such as `["Effusion"]["uncertain"]`."""
        matrix = self.label_matrix
        found = [matrix == 1, matrix == 0, matrix == -1, np.isnan(matrix)]
        return {
            name: {
                state: int(is_so[:, k].sum())
                for state, is_so in zip(LABEL_STATES, found, strict=True)
            }
            for k, name in enumerate(self.classes)
        }

    def count_by(self, column: str, missing: str = "unknown") -> dict[str, dict[str, int]]:
        """Images that have each class, for every value of a column.

        Args:
            column: of the frame, such as `view` or `source`.
            missing: what rows without a value are counted under.

        Returns:
            Value to class to number of images; values in their order. In a table without classes
            all images stand under `no label`.

        Raises:
            TableError: if there is no such column.
        """
        if column not in self.frame:
            raise TableError(f"the table has no column {column!r}: {suggest(column, self.columns)}")
        values = [missing if pd.isna(value) else str(value) for value in self.frame[column]]
        groups, names = pd.factorize(np.array(values, dtype=object), sort=True)
        counts = np.zeros((len(names), len(self.classes)), dtype=np.int64)
        np.add.at(counts, groups, self.label_matrix == 1)
        if not self.classes:
            sizes = np.bincount(groups, minlength=len(names)).tolist()
            return {name: {"no label": n} for name, n in zip(names.tolist(), sizes, strict=True)}
        return {
            name: dict(zip(self.classes, row, strict=True))
            for name, row in zip(names.tolist(), counts.tolist(), strict=True)
        }

    def split(self, name: str) -> "StudyTable":
        """Give one part of the split.

        Args:
            name: train, val or test.

        Returns:
            A table of its rows, numbered from 0.

        Raises:
            TableError: if there is no such part.
        """
        rows = np.flatnonzero(self._is_in(name))
        if not len(rows):
            raise TableError(
                f"the table has no {name!r} part; it has: {', '.join(self.counts)}. "
                "Complete the split first"
            )
        return self.take(rows.tolist())

    def take(self, rows: Sequence[int] | ClassIndices) -> "StudyTable":
        """Give some rows, in the order asked for, numbered from 0.

        Args:
            rows: their positions.

        Returns:
            A table of the same classes, also of those without a row.
        """
        return replace(self, frame=self.frame.iloc[list(rows)].reset_index(drop=True))

    def keep_classes(self, names: Sequence[str], notes: Iterable[str] = ()) -> "StudyTable":
        """Give the same images with some of their classes, where an image may have several.

        Args:
            names: of `classes`; their order stays.
            notes: sentences to add to the notes.

        Returns:
            A table without the other classes' labels.
        """
        kept = tuple(name for name in self.classes if name in names)
        lost = [LABEL_PREFIX + name for name in self.classes if name not in names]
        frame = self.frame.drop(columns=lost)
        return replace(self, frame=frame, classes=kept, notes=(*self.notes, *notes))

    def labelled(self) -> "StudyTable":
        """Give the rows that have a label: of several classes, one that is 1 or 0 at least.

        Returns:
            A table of them, with a note on how many were left out.

        Raises:
            TableError: if there is none.
        """
        matrix = self.label_matrix
        rows = np.flatnonzero(((matrix == 0) | (matrix == 1)).any(axis=1))
        n = len(self) - len(rows)
        if n == 0:
            return self
        if len(rows) == 0:
            raise TableError(
                f"none of the {len(self)} images has a label; name where it stands, such as by "
                "--column label=NAME"
            )
        note = f"{n} of {len(self)} images have no label (missing or uncertain) and were left out."
        return replace(self.take(rows), notes=(*self.notes, note))

    def with_split(self, parts: Sequence[str | None], notes: Iterable[str] = ()) -> "StudyTable":
        """Give the same images in another split.

        Args:
            parts: train, val, test or None for each image.
            notes: sentences to add to the notes.

        Returns:
            The new table.
        """
        frame = self.frame.assign(split=pd.Series(list(parts), dtype=object))
        return replace(self, frame=frame, notes=(*self.notes, *notes))

    def with_store(self, store: PixelStore | None) -> "StudyTable":
        """Give the same table, whose decoded images are kept in a store.

        Args:
            store: where; None keeps none.

        Returns:
            The new table.
        """
        return replace(self, store=store)

    def _is_in(self, part: str) -> "pd.Series[bool]":
        return self.frame["split"] == part


def _relate(image: str, root: str, start: str) -> str:
    """The path from the root; mostly it is what follows the root, and 100,000 are asked for."""
    rest = image.removeprefix(start)
    is_plain = len(rest) < len(image) and "/." not in f"/{rest}" and "//" not in rest
    return rest if is_plain else os.path.relpath(image, root)


def make_frame(columns: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """Build the frame of a study table; columns not given are empty (`view`: unknown).

    Args:
        columns: equally long columns, named as in `COLUMNS`; `image` at least. Those that begin
            with `LABEL_PREFIX` become float32; any other is kept behind them.

    Returns:
        A frame with all columns of `COLUMNS`, of dtype object: pandas' own strings cannot hold
        file names that are no valid UTF-8.
    """
    n = len(columns["image"])
    empty: dict[str, Sequence[object]] = {name: [None] * n for name in COLUMNS}
    empty["view"] = ["unknown"] * n
    filled = {**empty, **columns}
    return pd.DataFrame(
        {
            name: pd.Series(
                list(values), dtype=np.float32 if name.startswith(LABEL_PREFIX) else object
            )
            for name, values in filled.items()
        }
    )


def _check_words(column: str, values: "pd.Series[str]", known: Sequence[str]) -> None:
    strange = [value for value in values[values.notna()].unique() if value not in known]
    if strange:
        raise TableError(
            f"column {column!r} holds {show_name(str(strange[0]))!r}; known are: "
            f"{', '.join(show_name(name) for name in known)}"
        )
