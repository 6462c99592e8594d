"""A table of labels of no known data set becomes a study table.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrlens.data.box_list import parse_boxes
from cxrlens.data.cell_words import is_missing, read_cells, read_state
from cxrlens.data.column_roles import Roles, choose_columns, show_columns, simplify
from cxrlens.data.draft import begin_draft, keep_rows
from cxrlens.data.finishing import finish_draft
from cxrlens.data.label_file import LabelFile
from cxrlens.data.study_table import LABEL_PREFIX, StudyTable
from cxrlens.data.table_options import TableOptions
from cxrlens.vocabulary import TableError, show_name

MAX_CLASSES = 200
"""A column of more different words is no column of classes."""

FEW = 3
"""A label on fewer rows is named with its line: it may be a slip of the pen."""

_GENERAL = {
    "label", "labels", "class", "classname", "target", "finding", "findings", "findinglabel",
    "findinglabels", "diagnosis", "disease", "category",
}  # fmt: skip
"""Names of columns that name no finding themselves."""

_NONE = {"no finding", "no findings"}


@dataclass(frozen=True)
class Labels:
    """What the label columns of a table say."""

    columns: Mapping[str, Sequence[object]]
    """`label`, or one a class named by `LABEL_PREFIX` and the class."""

    classes: tuple[str, ...]
    """In the order in which a model gives them."""

    notes: tuple[str, ...] = ()
    """What is remarkable."""

    chosen: tuple[str, ...] = ()
    """The one class that becomes two, `no NAME` and `NAME`."""


def read_label_table(file: LabelFile, options: TableOptions) -> StudyTable:
    """Read a table whose columns have usual names, or are named by the options.

    One label column holds a word a row, or several with `|` between them (an image may then have
    several classes). Several label columns are one a class: 1 there, 0 not there, -1 uncertain,
    blank missing; one such column alone, named after a finding, gives the classes `no NAME` and
    `NAME`. Where no column has a usual name for labels, all that hold only 1, 0, -1 and blanks
    are taken. A blank label is missing.

    Args:
        file: the rows.
        options: what the file does not say.

    Returns:
        One row an image; classes in the order of their bytes, or of their columns.

    Raises:
        TableError: if the images or labels have no column, a label cannot be understood (with its
            line), or the rows contradict each other.
    """
    roles = choose_columns(file, options.columns)
    if "image" not in roles:
        raise TableError(
            f"{file.name} has no column of a usual name for the images; its columns are: "
            f"{show_columns(file)}; say which with --column image=NAME (the first row must name "
            "the columns)"
        )
    file = keep_rows(file, roles, options.where)
    if "label" not in roles:
        flags = _find_flags(file, roles)
        roles = {**roles, "label": flags}
        told = ", ".join(map(show_name, flags[:20])) + (" …" if len(flags) > 20 else "")
        file = file.with_notes([f"Taken as labels, since they hold only 1, 0, -1, blanks: {told}."])
    labels = read_labels(file, roles["label"])
    draft = begin_draft(file, roles).with_notes(labels.notes)
    if "boxes" in file.frame:
        draft = draft.with_columns({"boxes": read_cells(file.frame["boxes"], parse_boxes)})
    return finish_draft(draft, labels.columns, labels.classes, options, labels.chosen)


def _find_flags(file: LabelFile, roles: Roles) -> tuple[str, ...]:
    """Columns that hold only 1, 0, -1 and blanks; what is 1 in every row is no finding."""
    used = {name for names in roles.values() for name in names}
    found = []
    for name in file.header:
        values = set(file.frame[name]) - {""}
        numbers = {re.sub(r"\.0*$", "", value.strip()) for value in values}
        is_constant = numbers == {"1"} and "" not in set(file.frame[name])
        if name not in used and values and numbers <= {"1", "0", "-1"} and not is_constant:
            found.append(name)
    if not found:
        raise TableError(
            f"{file.name} has no column of a usual name for labels, nor any that holds only 0 and "
            f"1; its columns are: {show_columns(file)}; say which with --column label=NAME"
        )
    return tuple(found)


def read_labels(file: LabelFile, names: Sequence[str]) -> Labels:
    """Read the label columns of a table, as `read_label_table` tells.

    Args:
        file: the rows.
        names: the label columns, at least one.

    Returns:
        The labels.

    Raises:
        TableError: if a label cannot be understood, with its line.
    """
    if len(names) > 1:
        return _read_flags(file, names)
    cells = [cell.strip() for cell in file.frame[names[0]]]
    words = {cell for cell in cells if not is_missing(cell)}
    is_flag = all(read_state(word) is not None for word in words)
    is_named = simplify(names[0]) not in _GENERAL
    if names[0].startswith(LABEL_PREFIX):
        return _read_flags(file, names)
    if is_flag and is_named and words:
        return replace(_read_flags(file, names), chosen=(names[0],))
    if any("|" in word for word in words):
        return _read_lists(cells)
    return _read_words(file, names[0], cells)


def _read_words(file: LabelFile, column: str, cells: Sequence[str]) -> Labels:
    labels = read_cells(cells, lambda cell: None if is_missing(cell) else _show_number(cell))
    counts = Counter(label for label in labels if label is not None)
    if len(counts) > MAX_CLASSES:
        raise TableError(
            f"column {column!r} of {file.name} holds {len(counts)} different words, too many for "
            "classes; say which column holds the labels with --column label=NAME"
        )
    classes = tuple(sorted(counts, key=os.fsencode))
    notes = []
    n_blank = labels.count(None)
    if n_blank:
        notes.append(f"{n_blank} of {len(labels)} rows have no label.")
    for name in classes:
        if counts[name] < FEW:
            notes.append(
                f"The label {show_name(name)!r} stands in {counts[name]} row"
                f"{'s' if counts[name] > 1 else ''} only (the first: "
                f"{file.place(labels.index(name))})."
            )
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(name.casefold(), []).append(show_name(name))
    for same in spellings.values():
        if len(same) > 1:
            notes.append(
                f"Labels that differ only in capitals are different classes: {', '.join(same)} "
                "(join them with --map)."
            )
    if set(classes) <= {"-1", "0", "1"}:
        notes.append("The classes are numbers; give them names with --map 0=NAME.")
    return Labels({"label": labels}, classes, tuple(notes))


def _show_number(cell: str) -> str:
    return re.sub(r"^(-?\d+)\.0*$", r"\1", cell)


def _read_lists(cells: Sequence[str]) -> Labels:
    """Cells such as `Mass|Nodule`; `No Finding` is none of the classes, a blank cell unknown."""
    lists = read_cells(cells, lambda cell: {one.strip() for one in cell.split("|")} - {""})
    everything = {one for its in lists for one in its if one.lower() not in _NONE}
    classes = tuple(sorted(everything, key=os.fsencode))
    if len(classes) > MAX_CLASSES:
        raise TableError(f"the label column holds {len(classes)} different words: too many")
    known = np.array([bool(its) for its in lists])
    columns: dict[str, Sequence[object]] = {
        LABEL_PREFIX + name: np.where(
            known, np.array([name in its for its in lists], dtype=np.float32), np.nan
        ).tolist()
        for name in classes
    }
    n_blank = int((~known).sum())
    return Labels(columns, classes, (f"{n_blank} rows have no label.",) if n_blank else ())


def _read_flags(file: LabelFile, names: Sequence[str]) -> Labels:
    """One column a class."""
    columns: dict[str, Sequence[object]] = {}
    for name in names:
        states = read_cells(file.frame[name], read_state)
        strange = next((row for row, state in enumerate(states) if state is None), None)
        if strange is not None:
            cell = show_name(file.frame[name][strange])
            raise TableError(
                f"{file.place(strange)} has {cell!r} in the label column {name!r}; known are 1, 0, "
                "-1 (uncertain) and blank (missing)"
            )
        columns[LABEL_PREFIX + name.removeprefix(LABEL_PREFIX)] = [
            s for s in states if s is not None
        ]
    classes = tuple(name.removeprefix(LABEL_PREFIX) for name in columns)
    return Labels(columns, classes)
