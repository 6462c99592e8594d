"""Rows that repeat an image are merged, unless they contradict each other.

SPDX-License-Identifier: Apache-2.0
"""

import os
from dataclasses import replace

import numpy as np
import pandas as pd

from cxrlens.data.label_file import LabelFile
from cxrlens.data.study_table import LABEL_PREFIX, StudyTable
from cxrlens.vocabulary import TableError

_FACTS = {
    "label": "labels", "patient_id": "patients", "split": "parts", "mask": "masks",
    "boxes": "boxes",
}  # fmt: skip


def merge_repeats(file: LabelFile, table: StudyTable) -> StudyTable:
    """Keep the first of the rows that name the same file.

    Args:
        file: the rows, for their lines.
        table: one row a row of the file.

    Returns:
        The table with every image once, and a note on what was merged.

    Raises:
        TableError: if such rows differ in label, patient, part, mask or boxes: with both lines.
    """
    paths = pd.Series([os.path.normpath(path) for path in table.images], dtype=object)
    repeated = np.flatnonzero(paths.duplicated(keep=False).to_numpy())
    if not len(repeated):
        return table
    frame = table.frame.iloc[repeated]
    facts = [name for name in table.columns if name in _FACTS or name.startswith(LABEL_PREFIX)]
    first_of: dict[str, int] = {}
    rows = frame[facts].astype(object).where(frame[facts].notna(), None).to_numpy().tolist()
    facts_of = dict(zip(repeated.tolist(), rows, strict=True))
    for row, its in facts_of.items():
        first = first_of.setdefault(paths[row], row)
        for name, one, other in zip(facts, facts_of[first], its, strict=True):
            if one != other:
                raise TableError(_tell_conflict(file, (first, row), name))
    is_repeat = paths.duplicated().to_numpy()
    kept = np.flatnonzero(~is_repeat)
    note = (
        f"{len(table) - len(kept)} rows repeat an image with the same labels and were merged (the "
        f"first: {file.place(int(np.flatnonzero(is_repeat)[0]))})."
    )
    merged = table.take(kept)
    return replace(merged, notes=(*merged.notes, note))


def _tell_conflict(file: LabelFile, rows: tuple[int, int], column: str) -> str:
    """By lines alone: what a table calls an image by may be a patient's number."""
    what = _FACTS.get(column, f"labels for {column.removeprefix(LABEL_PREFIX)}")
    places = f"{file.unit}s {file.lines[rows[0]]} and {file.lines[rows[1]]} of {file.name}"
    return f"{places} give one image different {what}: leave one row for each image"
