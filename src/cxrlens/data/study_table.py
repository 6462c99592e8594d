"""A collection of images as a checked table, one row an image.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cxrlens.vocabulary import ClassIndices, Refusal, TableError, show_name

COLUMNS = ("image", "label", "patient_id", "view", "source", "split", "mask")
"""The columns of every study table, in order."""

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
    the current directory. `label`: one of `classes`, or None. `patient_id`: None means unknown and
    is never grouped. `view`: `unknown` where it is. `source`: where the image comes from, or None.
    `split`: train, val, test or None. `mask`: a path, or None."""

    classes: tuple[str, ...]
    """The labels, in the order in which a model gives them."""

    root: str
    """The folder that image paths are named from when they leave this machine."""

    notes: tuple[str, ...] = ()
    """What was done to the data or is remarkable about them, one sentence each, for people."""

    refusals: tuple[Refusal, ...] = ()
    """What lies in the collection but is no file that can be read."""

    def __post_init__(self) -> None:
        """Check the columns."""
        missing = [name for name in COLUMNS if name not in self.frame]
        if missing:
            raise TableError(f"a study table needs the columns {COLUMNS}; {missing} are missing")
        _check_words("label", self.frame["label"], self.classes)
        _check_words("split", self.frame["split"], SPLITS)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.frame)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The index of each class."""
        return {name: index for index, name in enumerate(self.classes)}

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
        relative = (os.path.relpath(image, self.root) for image in self.frame["image"])
        return tuple(image.replace(os.sep, "/") for image in relative)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Images per part and class, such as `counts["train"]["NORMAL"]`.

        Images that are in no part yet stand under `unsplit`; parts without images are left out.
        """
        parts: dict[str, dict[str, int]] = {}
        for part in ("unsplit", *SPLITS):
            inside = self.frame["split"].isna() if part == "unsplit" else self._is_in(part)
            if inside.any():
                labels = list(self.frame.loc[inside, "label"])
                parts[part] = {name: labels.count(name) for name in self.classes}
        return parts

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

    def _is_in(self, part: str) -> "pd.Series[bool]":
        return self.frame["split"] == part


def make_frame(columns: Mapping[str, Sequence[str | None]]) -> pd.DataFrame:
    """Build the frame of a study table; columns not given are empty (`view`: unknown).

    Args:
        columns: equally long columns, named as in `COLUMNS`; `image` at least.

    Returns:
        A frame with all columns of `COLUMNS`, of dtype object: pandas' own strings cannot hold
        file names that are no valid UTF-8.
    """
    n = len(columns["image"])
    empty: dict[str, list[str | None]] = {name: [None] * n for name in COLUMNS}
    empty["view"] = ["unknown"] * n
    filled = {**empty, **columns}
    return pd.DataFrame({name: pd.Series(list(filled[name]), dtype=object) for name in COLUMNS})


def _check_words(column: str, values: "pd.Series[str]", known: Sequence[str]) -> None:
    strange = [value for value in values[values.notna()].unique() if value not in known]
    if strange:
        raise TableError(
            f"column {column!r} holds {show_name(str(strange[0]))!r}; known are: "
            f"{', '.join(show_name(name) for name in known)}"
        )
