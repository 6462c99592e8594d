"""The SIIM-ACR Pneumothorax Segmentation Challenge: its run lengths.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Sequence

from cxrlens.data.column_roles import choose_columns
from cxrlens.data.draft import begin_draft, keep_rows
from cxrlens.data.finishing import RUN_LENGTHS, finish_draft
from cxrlens.data.label_file import LabelFile
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_options import TableOptions
from cxrlens.vocabulary import TableError

SIIM_CLASSES = ("no pneumothorax", "pneumothorax")
"""No run lengths (-1), or some."""

SIIM_SIZE = "1024x1024"
"""Rows and columns of every image of the set; the run lengths count in them."""

_IMAGE, _RUNS = "ImageId", "EncodedPixels"
_FORM = re.compile(r"\d+ \d+(?: \d+ \d+)*")


def is_siim(header: Sequence[str]) -> bool:
    """Whether columns are those of `train-rle.csv` (whose second name begins with a space)."""
    return {_IMAGE, _RUNS} <= set(header)


def read_siim(file: LabelFile, options: TableOptions) -> StudyTable:
    """Read the table of masks, several rows of which may be of one image.

    The mask of an image is the text `rle:1024x1024:` and its run lengths as in the file (pairs of
    steps from the end of the last run and lengths, pixels numbered down the columns), those of
    several rows with `;` between them. Patients are not stated.

    Args:
        file: `train-rle.csv`.
        options: where the images lie …

    Returns:
        One row an image, of two classes.

    Raises:
        TableError: if run lengths are none, or an image has some and none, with their lines.

    Source:
        SIIM-ACR Pneumothorax Segmentation, Kaggle 2019, data description and `mask_functions.py`.
    """
    given = {role: names for role, names in options.columns.items() if role != "label"}
    roles = choose_columns(
        file, given, {"image": _IMAGE, "label": _RUNS, "mask": None, "patient": None}
    )
    file = keep_rows(file, roles, options.where)
    runs: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for row, (image, cell) in enumerate(zip(file.frame[_IMAGE], file.frame[_RUNS], strict=True)):
        text = cell.strip()
        before = first.setdefault(image, row)
        its = runs.setdefault(image, [])
        if text != "-1" and not _FORM.fullmatch(text):
            raise TableError(f"{file.place(row)} holds neither -1 nor pairs of run lengths")
        if before != row and (text == "-1") != (not its):
            raise TableError(
                f"{file.place(before)} and {file.place(row)} give one image a mask and none"
            )
        if text != "-1" and text not in its:
            its.append(text)
    kept = file.take(file.frame[_IMAGE].drop_duplicates().index.to_numpy())
    masks = [f"{RUN_LENGTHS}{SIIM_SIZE}:{';'.join(its)}" if its else None for its in runs.values()]
    draft = begin_draft(kept, roles).with_columns({"mask": masks})
    draft = draft.with_notes(
        [f"{file.name} is SIIM-ACR Pneumothorax: {sum(m is not None for m in masks)} images have "
         "masks; patients are not stated."]
    )  # fmt: skip
    labels = [SIIM_CLASSES[mask is not None] for mask in masks]
    return finish_draft(draft, {"label": labels}, SIIM_CLASSES, options)
