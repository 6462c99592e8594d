"""The classes of a table are renamed, joined or chosen from.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cxrlens.data.study_table import LABEL_PREFIX, StudyTable
from cxrlens.vocabulary import Box, TableError, show_name, suggest


def rename_classes(table: StudyTable, names: Mapping[str, str]) -> StudyTable:
    """Give classes new names; those that get the same name become one class.

    Where an image may have several classes, the joined class is there if any of them is, else
    uncertain if any is, else missing if any is, else not there. Boxes are renamed likewise.

    Args:
        table: any.
        names: old to new; classes that are not named keep their names.

    Returns:
        The table with the new classes, in the order of the first of each.

    Raises:
        TableError: if a class is renamed that is not there.
    """
    for old, new in names.items():
        if old not in table.classes:
            raise TableError(
                f"the class {old!r} cannot be renamed to {new!r}, since the data have none of that "
                f"name; {suggest(old, table.classes)}"
            )
    if not names:
        return table
    classes = tuple(dict.fromkeys(names.get(one, one) for one in table.classes))
    frame = table.frame.assign(
        boxes=_as_objects([_rename_boxes(boxes, names) for boxes in table.frame["boxes"]])
    )
    if table.is_multilabel:
        matrix = table.label_matrix
        members = {new: [names.get(old, old) == new for old in table.classes] for new in classes}
        frame = frame.drop(columns=[LABEL_PREFIX + one for one in table.classes]).assign(
            **{LABEL_PREFIX + new: _join(matrix[:, its]) for new, its in members.items()}
        )
    else:
        labels = [names.get(label, label) for label in frame["label"]]
        frame = frame.assign(label=_as_objects(labels))
    renamed = ", ".join(f"{show_name(old)} is now {show_name(new)}" for old, new in names.items())
    return replace(
        table, frame=frame, classes=classes, notes=(*table.notes, f"Classes renamed: {renamed}.")
    )


def choose_classes(table: StudyTable, names: Sequence[str]) -> StudyTable:
    """Keep some classes of a multi-label table; of one alone, make a table of single labels.

    With one class the two labels are `no CLASS` and `CLASS`; what is uncertain or missing is
    missing.

    Args:
        table: a multi-label table.
        names: the classes wanted.

    Returns:
        The table with these classes only.

    Raises:
        TableError: if a class is not there.
    """
    for name in names:
        if name not in table.classes:
            raise TableError(f"the data have no class {name!r}; {suggest(name, table.classes)}")
    dropped = [LABEL_PREFIX + one for one in table.classes if one not in names]
    if len(names) > 1:
        return replace(table, frame=table.frame.drop(columns=dropped), classes=tuple(names))
    values = table.label_matrix[:, table.classes.index(names[0])]
    classes = (f"no {names[0]}", names[0])
    labels = [classes[int(value)] if value in (0, 1) else None for value in values.tolist()]
    notes = list(table.notes)
    if None in labels:
        notes.append(
            f"Of {names[0]}, {int((values == -1).sum())} labels are uncertain and "
            f"{int(np.isnan(values).sum())} blank: they count as missing."
        )
    frame = table.frame.drop(columns=[LABEL_PREFIX + one for one in table.classes])
    return replace(
        table, frame=frame.assign(label=_as_objects(labels)), classes=classes, notes=tuple(notes)
    )


def _join(values: np.ndarray) -> np.ndarray:
    """Any of several classes, n x k, by the logic of yes, no and do not know."""
    joined = np.where(np.isnan(values).any(axis=1), np.float32("nan"), np.float32(0))
    joined = np.where((values == -1).any(axis=1), np.float32(-1), joined)
    return np.where((values == 1).any(axis=1), np.float32(1), joined).astype(np.float32)


def _rename_boxes(
    boxes: tuple[Box, ...] | None, names: Mapping[str, str]
) -> tuple[Box, ...] | None:
    if boxes is None:
        return None
    return tuple(
        replace(one, class_name=names.get(one.class_name, one.class_name)) for one in boxes
    )


def _as_objects(values: Sequence[object]) -> "pd.Series[Any]":
    return pd.Series(list(values), dtype=object)
