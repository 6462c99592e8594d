"""The RSNA Pneumonia Detection Challenge: its boxes and classes.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

from cxrlens.data.box_list import find_beside, read_box
from cxrlens.data.column_roles import choose_columns
from cxrlens.data.draft import begin_draft, keep_rows
from cxrlens.data.finishing import finish_draft
from cxrlens.data.label_file import LabelFile, read_label_file
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_options import TableOptions
from cxrlens.vocabulary import Box, TableError, show_name

RSNA_CLASSES = ("no lung opacity", "lung opacity")
"""`Target` 0 and 1: readers marked an opacity suspicious of pneumonia, or none."""

_IMAGE, _TARGET, _BOX, _DETAIL = "patientId", "Target", ("x", "y", "width", "height"), "class"
_DETAILS = "stage_2_detailed_class_info.csv"


def is_rsna(header: Sequence[str]) -> bool:
    """Whether columns are those of `stage_2_train_labels.csv`."""
    return {_IMAGE, _TARGET, *_BOX} <= set(header)


def read_rsna(file: LabelFile, options: TableOptions) -> StudyTable:
    """Read the table of labels, several rows of which may be boxes of one image.

    `patientId` is the image's identifier and the stem of its file; the patients are not stated.
    Where `stage_2_detailed_class_info.csv` lies beside the table, its words (`Normal`, `No Lung
    Opacity / Not Normal`, `Lung Opacity`) are kept in the column `class_detail`.

    Args:
        file: `stage_2_train_labels.csv`.
        options: where the images lie …

    Returns:
        One row an image, of two classes; boxes in pixels of the image (1024 x 1024), none where
        readers marked none.

    Raises:
        TableError: if a target or box is none, or the rows of an image contradict each other, with
            their lines.

    Source:
        Shih et al., Radiology: Artificial Intelligence 2019.
    """
    given = {role: names for role, names in options.columns.items() if role != "label"}
    roles = choose_columns(file, given, {"image": _IMAGE, "label": _TARGET, "patient": None})
    file = keep_rows(file, roles, options.where)
    boxes: dict[str, tuple[Box, ...]] = {}
    first: dict[str, int] = {}
    cells = zip(
        file.frame[_IMAGE], file.frame[_TARGET], *(file.frame[n] for n in _BOX), strict=True
    )
    for row, (image, target, *sides) in enumerate(cells):
        before = first.setdefault(image, row)
        if target != file.frame[_TARGET][before]:
            raise TableError(
                f"{file.place(before)} and {file.place(row)} give one image two targets"
            )
        boxes[image] = (*boxes.get(image, ()), *_read_box(file, row, target, sides))
    kept = file.take(file.frame[_IMAGE].drop_duplicates().index.to_numpy())
    draft = begin_draft(kept, roles, labels=_BOX).with_columns(
        {"boxes": list(boxes.values()), "patient_id": [None] * len(boxes)}
    )
    details = _read_details(file)
    if details:
        draft = draft.with_columns({"class_detail": [details.get(image) for image in boxes]})
    draft = draft.with_notes(
        [f"{file.name} is the RSNA Pneumonia Detection Challenge: its patientId names an image, "
         "not a patient, so that all patients are unknown."]
    )  # fmt: skip
    labels = [RSNA_CLASSES[len(its) > 0] for its in boxes.values()]
    return finish_draft(draft, {"label": labels}, RSNA_CLASSES, options)


def _read_box(file: LabelFile, row: int, target: str, sides: Sequence[str]) -> tuple[Box, ...]:
    if target == "0" and not any(sides):
        return ()
    box = read_box(RSNA_CLASSES[1], sides)
    if target != "1" or box is None:
        raise TableError(
            f"{file.place(row)} must have the target 0 and no box, or 1 and a box; got "
            f"{show_name(target)!r} and {show_name(', '.join(sides))!r}"
        )
    return (box,)


def _read_details(file: LabelFile) -> dict[str, str]:
    path = find_beside(file, (_DETAILS,))
    if path is None:
        return {}
    frame = read_label_file(path).frame
    if not {_IMAGE, _DETAIL} <= set(frame):
        return {}
    return dict(zip(frame[_IMAGE], frame[_DETAIL], strict=True))
