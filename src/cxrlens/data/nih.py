"""NIH ChestX-ray14: its table of labels, its boxes and its official split.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlens.data.box_list import Boxes, find_beside, list_boxes
from cxrlens.data.column_roles import choose_columns
from cxrlens.data.draft import Draft, begin_draft, keep_rows
from cxrlens.data.finishing import finish_draft
from cxrlens.data.label_file import LabelFile, read_label_file
from cxrlens.data.patient_ids import find_patient_id
from cxrlens.data.study_table import LABEL_PREFIX, StudyTable
from cxrlens.data.table_options import TableOptions
from cxrlens.vocabulary import TableError, show_name

NIH_CLASSES = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia",
    "Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening",
    "Hernia",
)  # fmt: skip
"""In the order of the paper."""

_NONE = "No Finding"
_IMAGE, _FINDINGS, _FINDING = "Image Index", "Finding Labels", "Finding Label"
_BOX = ("Bbox [x", "y", "w", "h]")
_RENAMED = {"Infiltrate": "Infiltration"}
_LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}


def is_nih(header: Sequence[str]) -> bool:
    """Whether columns are those of `Data_Entry_2017.csv` or `Data_Entry_2017_v2020.csv`."""
    return {_IMAGE, _FINDINGS, "Patient ID"} <= set(header)


def is_nih_boxes(header: Sequence[str]) -> bool:
    """Whether columns are those of `BBox_List_2017.csv`."""
    return {_IMAGE, _FINDING, *_BOX} <= set(header)


def read_nih(file: LabelFile, options: TableOptions) -> StudyTable:
    """Read the table of labels; the other files count where they lie beside it.

    Fourteen findings an image, 1 or 0; `No Finding` is 0 for all. `test_list.txt` makes the test
    part and `train_val_list.txt` the train part, from which val is cut. Boxes are those of
    `BBox_List_2017.csv`, in pixels of the published 1024 x 1024 images; where it names no box,
    nobody looked for one. Patient numbers have eight digits, as in the images' names.

    Args:
        file: `Data_Entry_2017*.csv`.
        options: where the images lie, which findings are wanted …

    Returns:
        A multi-label table, or one of two classes where one finding is wanted.

    Raises:
        TableError: if a finding is not known, with its line.

    Source:
        Wang et al., CVPR 2017; its labels were found in reports by a program.
    """
    given = {role: names for role, names in options.columns.items() if role != "label"}
    roles = choose_columns(
        file, given, {"image": _IMAGE, "label": _FINDINGS, "patient": "Patient ID"}
    )
    file = keep_rows(file, roles, options.where)
    draft = begin_draft(file, roles)
    patients = [
        one.zfill(8) if one is not None and one.isascii() and one.isdigit() else one
        for one in map(_as_text, draft.columns["patient_id"])
    ]
    draft = draft.with_columns({"patient_id": patients}).with_notes(
        [f"{file.name} is NIH ChestX-ray14: its labels were found in reports by a program."]
    )
    draft = _add_split(_add_boxes(draft))
    matrix = _read_findings(file)
    labels = {LABEL_PREFIX + name: matrix[:, i].tolist() for i, name in enumerate(NIH_CLASSES)}
    chosen = options.columns.get("label", ())
    return finish_draft(draft, labels, NIH_CLASSES, options, chosen)


def read_nih_boxes(file: LabelFile, options: TableOptions) -> StudyTable:
    """Read the list of boxes alone: a finding is there where it has a box, else unknown.

    Args:
        file: `BBox_List_2017.csv`.
        options: as for `read_nih`.

    Returns:
        A multi-label table with boxes, one row an image; patients from the images' names.

    Raises:
        TableError: if a finding is not known or a box is none, with its line.
    """
    given = {role: names for role, names in options.columns.items() if role != "label"}
    roles = choose_columns(file, given, {"image": _IMAGE, "label": _FINDING})
    file = keep_rows(file, roles, options.where)
    boxes = _list_boxes(file)
    names = list(boxes)
    first = file.frame[_IMAGE].drop_duplicates().index.to_numpy()
    draft = begin_draft(file.take(first), roles, labels=[*_BOX, _FINDING])
    patients = [find_patient_id(name) for name in names]
    draft = draft.with_columns({"patient_id": patients, "boxes": list(boxes.values())}).with_notes(
        [f"{file.name} is the list of boxes of NIH ChestX-ray14: findings without a box in it are "
         "unknown."]
    )  # fmt: skip
    found = [{box.class_name for box in its} for its in boxes.values()]
    classes = tuple(name for name in NIH_CLASSES if any(name in its for its in found))
    labels = {
        LABEL_PREFIX + name: [1.0 if name in its else float("nan") for its in found]
        for name in classes
    }
    chosen = options.columns.get("label", ())
    return finish_draft(draft, labels, classes, options, chosen)


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)


def _read_findings(file: LabelFile) -> np.ndarray:
    """Findings, n x 14, in the order of `NIH_CLASSES`."""
    codes, unique = pd.factorize(file.frame[_FINDINGS])
    rows = np.zeros((len(unique), len(NIH_CLASSES)), dtype=np.float32)
    for i, cell in enumerate(unique):
        names = [name.strip() for name in str(cell).split("|")]
        strange = [name for name in names if name not in (*NIH_CLASSES, _NONE)]
        if strange or (_NONE in names and len(names) > 1):
            place = file.place(int(np.flatnonzero(codes == i)[0]))
            raise TableError(
                f"{place} has the findings {show_name(str(cell))!r}; known are, with | between "
                f"them, {', '.join(NIH_CLASSES)}, or {_NONE} alone"
            )
        for name in names:
            if name != _NONE:
                rows[i, NIH_CLASSES.index(name)] = 1
    return np.asarray(rows[codes])


def _list_boxes(file: LabelFile) -> Boxes:
    boxes = list_boxes(file, (_IMAGE, _FINDING, *_BOX), _RENAMED)
    for row, finding in enumerate(file.frame[_FINDING]):
        if _RENAMED.get(finding, finding) not in NIH_CLASSES:
            raise TableError(
                f"{file.place(row)} has the finding {show_name(finding)!r}; known are: "
                f"{', '.join(NIH_CLASSES)}"
            )
    return boxes


def _add_boxes(draft: Draft) -> Draft:
    path = find_beside(draft.file, ("BBox_List_2017.csv", "BBox_List_2017.csv.gz"))
    if path is None or "boxes" in draft.columns:
        return draft
    boxes = _list_boxes(read_label_file(path))
    column = [boxes.get(str(image)) for image in draft.columns["image"]]
    n = sum(its is not None for its in column)
    note = f"{os.path.basename(path)} gives boxes for {n} images."  # noqa: PTH119
    return draft.with_columns({"boxes": column}).with_notes([note])


def _add_split(draft: Draft) -> Draft:
    part_of: dict[str, str] = {}
    for name, part in _LISTS.items():
        path = find_beside(draft.file, (name,))
        if path is not None:
            lines = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
            part_of.update(dict.fromkeys(lines.split(), part))
    if not part_of or "split" in draft.columns:
        return draft
    parts = [part_of.get(str(image)) for image in draft.columns["image"]]
    n = len(parts) - parts.count(None)
    note = f"The official lists beside the table put {n} of {len(parts)} images in train or test."
    return draft.with_columns({"split": parts}).with_notes([note])
