"""CheXpert: its tables of labels.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Sequence

from cxrlens.data.cell_words import LATERAL, read_cells, read_view
from cxrlens.data.column_roles import choose_columns
from cxrlens.data.draft import begin_draft, keep_rows
from cxrlens.data.finishing import finish_draft
from cxrlens.data.label_file import LabelFile
from cxrlens.data.label_table import read_labels
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_options import TableOptions

CHEXPERT_CLASSES = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion",
    "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip
"""The 14 observations, in the order of the files; `No Finding` is one of them."""

_PATH, _SIDE, _VIEW = "Path", "Frontal/Lateral", "AP/PA"
_FORM = re.compile(r"(?:^|/)(train|valid|test)/(patient\d+)/study\d+/[^/]+$")
_PARTS = {"train": "train", "valid": "val", "test": "test"}


def is_chexpert(header: Sequence[str]) -> bool:
    """Whether columns are those of CheXpert's `train.csv`; `valid.csv` has the same."""
    return {_PATH, "Pleural Effusion", "Enlarged Cardiomediastinum"} <= set(header)


def read_chexpert(file: LabelFile, options: TableOptions) -> StudyTable:
    """Read a table of labels of CheXpert.

    Patient and part (`valid` is val) come from the path, such as
    `CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg`; its first folders need not
    be there. Lateral views are refused.

    Args:
        file: `train.csv` or `valid.csv`.
        options: where the images lie, which observations are wanted …

    Returns:
        A multi-label table: 1, 0, -1 uncertain, blank missing; or one of two classes where one
        observation is wanted.

    Raises:
        TableError: if a label is none of these, with its line.

    Source:
        Irvin et al., AAAI 2019; the labels of `train.csv` were found in reports by a program.
    """
    given = {role: names for role, names in options.columns.items() if role != "label"}
    view = _VIEW if _VIEW in file.header else None
    roles = choose_columns(file, given, {"image": _PATH, "label": None, "view": view})
    file = keep_rows(file, roles, options.where)
    classes = tuple(name for name in CHEXPERT_CLASSES if name in file.header)
    draft = begin_draft(file, roles, labels=[*classes, _SIDE])
    forms = [_FORM.search(str(path)) for path in draft.columns["image"]]
    found = {
        "patient_id": [form[2] if form else None for form in forms],
        "split": [_PARTS[form[1]] if form else None for form in forms],
    }
    draft = draft.with_columns(
        {name: column for name, column in found.items() if name.split("_")[0] not in given}
    ).with_notes([f"{file.name} is CheXpert: patients and parts were taken from its paths."])
    if _SIDE in file.header:
        sides = read_cells(file.frame[_SIDE], lambda cell: read_view(cell) == LATERAL)
        draft = draft.with_laterals(sides)
    labels = read_labels(file, classes)
    chosen = options.columns.get("label", ())
    return finish_draft(draft.with_least(3), labels.columns, classes, options, chosen)
