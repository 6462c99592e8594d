"""A table of labels on its way to a study table: read, but not yet matched with image files.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from cxrlens.data import cell_words as words
from cxrlens.data.column_roles import Roles, find_masks
from cxrlens.data.label_file import LabelFile
from cxrlens.data.patient_ids import find_patient_id
from cxrlens.data.row_filter import filter_rows
from cxrlens.data.study_table import COLUMNS, LABEL_PREFIX
from cxrlens.data.table_options import ROLES
from cxrlens.vocabulary import Flags, TableError, show_name

_READERS = MappingProxyType(
    {"source": words.read_known, "mask": words.read_known, "sex": words.read_sex}
)


@dataclass(frozen=True, eq=False)
class Draft:
    """The rows of a label file with their labels; image names are as they stand there."""

    file: LabelFile
    """The rows, one an image."""

    columns: Mapping[str, Sequence[object]]
    """Columns of a study table but for the labels."""

    notes: tuple[str, ...]
    """What was done so far."""

    is_lateral: Flags
    """Whether the table states a lateral view, one flag a row."""

    least: int = 1
    """So many last parts of an image's name must agree with those of its file."""

    def with_notes(self, notes: Iterable[str]) -> "Draft":
        """Give the same rows with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_laterals(self, flags: Sequence[bool]) -> "Draft":
        """Give the same rows, of which further ones are lateral views."""
        return replace(self, is_lateral=self.is_lateral | np.array(flags, dtype=bool))

    def with_least(self, least: int) -> "Draft":
        """Give the same rows, whose images' names must agree with files in more parts."""
        return replace(self, least=least)

    def with_columns(self, columns: Mapping[str, Sequence[object]]) -> "Draft":
        """Give the same rows with further columns, or other ones."""
        return replace(self, columns={**self.columns, **columns})


def keep_rows(file: LabelFile, roles: Roles, where: str | None) -> LabelFile:
    """Keep the rows for which a condition holds; roles may be used as names of columns.

    Args:
        file: all rows.
        roles: their columns.
        where: `TableOptions.where`.

    Raises:
        TableError: if the condition is not understood, or holds for no row.
    """
    if where is None:
        return file
    frame = file.frame
    for role, names in roles.items():
        for alias in (role, "patient_id") if role == "patient" else (role,):
            if len(names) == 1 and alias not in frame:
                frame = frame.assign(**{alias: frame[names[0]]})
    private = {"patient", "patient_id", *roles.get("patient", ())}
    filtered = filter_rows(frame, where, file.name, private)
    return file.take(filtered.kept).with_notes(filtered.notes)


def begin_draft(file: LabelFile, roles: Roles, *, labels: Iterable[str] = ()) -> Draft:
    """Read all columns but for the labels.

    Args:
        file: the rows, one an image.
        roles: the column of each role; `image` at least.
        labels: columns that hold labels, and are not kept as further columns.

    Returns:
        The draft.

    Raises:
        TableError: if a cell cannot be understood, with its line.
    """
    notes = [_note_roles(file, roles)]
    cells = {role: file.frame[names[0]] for role, names in roles.items() if role != "label"}
    columns: dict[str, Sequence[object]] = {"image": cells["image"].tolist()}
    blank = [row for row, name in enumerate(cells["image"]) if words.is_missing(name)]
    if blank:
        raise TableError(f"{file.place(blank[0])} names no image in column {roles['image'][0]!r}")
    columns["patient_id"] = _read_patients(cells, notes)
    is_lateral = np.zeros(len(file.lines), dtype=bool)
    if "view" in cells:
        views = words.read_cells(cells["view"], words.read_view)
        is_lateral = np.array([view == words.LATERAL for view in views], dtype=bool)
        columns.update(_detail_views(views, cells["view"]))
    if "split" in cells:
        columns["split"] = _read_parts(file, roles["split"][0], notes)
    for role, read in _READERS.items():
        if role in cells:
            columns[role] = words.read_cells(cells[role], read)
    if "age" in cells:
        columns["age"] = _read_ages(cells["age"], notes)
    _note_masks(file, roles, notes)
    columns.update(_keep_others(file, roles, {*columns, *labels}))
    return Draft(file, columns, (*file.notes, *notes), is_lateral)


def _detail_views(views: Sequence[str], cells: Iterable[str]) -> dict[str, Sequence[object]]:
    """The views, and what the table says beyond them, such as `AP Supine`."""
    details = [cell.strip() for cell in cells]
    if all(detail in ("", view) for detail, view in zip(details, views, strict=True)):
        return {"view": views}
    return {"view": views, "view_detail": [detail or None for detail in details]}


def _keep_others(file: LabelFile, roles: Roles, taken: set[str]) -> dict[str, Sequence[object]]:
    """Columns without a role, as they are, unless a study table has another use for their name."""
    used = {name for names in roles.values() for name in names} | taken | set(COLUMNS) | set(ROLES)
    return {
        name: [cell or None for cell in file.frame[name]]
        for name in file.header
        if name not in used and not name.startswith(LABEL_PREFIX)
    }


def _note_roles(file: LabelFile, roles: Roles) -> str:
    told = ", ".join(
        f"{role} {show_name(names[0])!r}" if len(names) == 1 else f"{role} {len(names)} columns"
        for role, names in roles.items()
    )
    return f"Columns of {file.name}: {told}."


def _read_patients(cells: Mapping[str, "pd.Series[str]"], notes: list[str]) -> list[str | None]:
    if "patient" in cells:
        return words.read_cells(cells["patient"], words.read_known)
    patients = [find_patient_id(name) for name in cells["image"]]
    n = sum(patient is not None for patient in patients)
    if n:
        notes.append(f"The table names no patients: {n} were taken from image names of known form.")
    return patients


def _read_parts(file: LabelFile, column: str, notes: list[str]) -> list[str | None]:
    cells = file.frame[column]
    parts = words.read_cells(cells, words.read_part)
    strange = [
        row
        for row, (part, cell) in enumerate(zip(parts, cells, strict=True))
        if part is None and not words.is_missing(cell)
    ]
    if strange and any(parts):
        raise TableError(
            f"{file.place(strange[0])} has {show_name(cells[strange[0]])!r} in the split column "
            f"{column!r}; known are train, val, test: change it, or leave it blank"
        )
    if strange:
        names = ", ".join(sorted({show_name(cell) for cell in cells})[:5])
        notes.append(
            f"The column {column!r} was not taken as a split, since it holds none of train, val, "
            f"test (but {names})."
        )
    return parts


def _read_ages(cells: "pd.Series[str]", notes: list[str]) -> list[float | None]:
    ages = words.read_cells(cells, words.read_age)
    n = sum(
        age is None and words.read_known(cell) is not None
        for age, cell in zip(ages, cells, strict=True)
    )
    if n:
        notes.append(f"Ages that are none, or beyond 120 years, count as unknown: {n}.")
    return ages


def _note_masks(file: LabelFile, roles: Roles, notes: list[str]) -> None:
    used = roles.get("mask", ())
    others = [one for one in file.header if one.lower().endswith("_mask") and one not in used]
    if not others:
        return
    why = "several may be meant" if len(find_masks(file)) > 1 else "they show no finding"
    notes.append(
        f"Columns not read as masks of findings, since {why}: {', '.join(others)} (say which is "
        "with --column mask=NAME)."
    )
