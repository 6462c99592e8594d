"""The columns of a table become groups of images, and a model is judged in each.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import pandas as pd

from cxrlens.data import COLUMNS, LABEL_PREFIX, StudyTable
from cxrlens.evaluation import UNKNOWN_GROUP, Subgroups, judge_subgroups
from cxrlens.model.examining import Examination
from cxrlens.vocabulary import TableError, show_name, suggest

USUAL_GROUPS = ("sex", "age", "view", "source")
"""The columns that are looked at where none is asked for."""

AGE_BANDS = ((18, "0–17"), (40, "18–39"), (65, "40–64"), (80, "65–79"))
"""(first year beyond the band, its name); from 80 on it is `80+`.

Children, and adults by the borders that reports on chest radiographs most often use.
"""

OLDEST = "80+"
"""The last band of ages."""

MOST_GROUPS = 40
"""A column with more values is none of groups."""


def find_age_band(age: float) -> str:
    """Find the band of an age.

    Args:
        age: in years, 0 or more.

    Example:
        >>> find_age_band(17.9), find_age_band(18.0), find_age_band(93.0)
        ('0–17', '18–39', '80+')
    """
    return next((name for beyond, name in AGE_BANDS if age < beyond), OLDEST)


def list_groups(table: StudyTable, column: str) -> list[str | None]:
    """Give the group of every image.

    Args:
        table: any.
        column: `age` becomes bands (`find_age_band`); of any other the values are the groups.

    Returns:
        One group a row; None where it is not known.

    Raises:
        TableError: if there is no such column, it tells images or classes apart rather than
            patients, or it has more than `MOST_GROUPS` values.
    """
    if column in _find_barred(table):
        raise TableError(
            f"images cannot be grouped by {column!r}, which is no property of a patient or an "
            f"image's origin; choose from: {', '.join(_list_allowed(table))}"
        )
    if column not in table.frame:
        raise TableError(
            f"the table has no column {column!r} to group by: "
            f"{suggest(column, _list_allowed(table))}"
        )
    values = table.frame[column].tolist()
    read = _read_age if column == "age" else _read_value
    groups = [None if value is None or pd.isna(value) else read(value) for value in values]
    n_groups = len(set(groups) - {None})
    if n_groups > MOST_GROUPS:
        raise TableError(
            f"column {column!r} has {n_groups} different values, such as "
            f"{show_name(str(next(one for one in groups if one)))!r}; groups can be compared where "
            f"there are at most {MOST_GROUPS}: give a column of categories"
        )
    return groups


def choose_columns(table: StudyTable, by: Sequence[str] | None = None) -> tuple[str, ...]:
    """Choose the columns to group by, and check them.

    Args:
        table: any.
        by: as asked for; None takes those of `USUAL_GROUPS` that have two known values or more,
            and not more than `MOST_GROUPS`.

    Raises:
        TableError: if a column that is asked for cannot be grouped by.
    """
    if by is not None:
        for column in by:
            list_groups(table, column)
        return tuple(dict.fromkeys(by))
    return tuple(
        column for column in find_usual(table) if len(set(list_groups(table, column)) - {None}) > 1
    )


def find_usual(table: StudyTable) -> tuple[str, ...]:
    """Find the columns of `USUAL_GROUPS` that a table has with not more than `MOST_GROUPS` values.

    Args:
        table: any.
    """
    return tuple(
        column
        for column in USUAL_GROUPS
        if column in table.frame
        and (column == "age" or table.frame[column].nunique() <= MOST_GROUPS)
    )


def judge_groups(
    examination: Examination, by: Sequence[str] | None = None
) -> tuple[Subgroups, ...]:
    """Judge the answers of an examination group by group.

    Args:
        examination: with its table.
        by: columns; None takes the usual ones (`choose_columns`).

    Returns:
        One a column; columns in which no two values are known are left out where none was asked
        for.

    Raises:
        TableError: as `list_groups`.
    """
    return tuple(
        judge_subgroups(examination.table, column, list_groups(examination.rows, column))
        for column in choose_columns(examination.rows, by)
    )


def _read_age(value: object) -> str | None:
    age = pd.to_numeric(str(value), errors="coerce")
    return find_age_band(float(age)) if age >= 0 else None


def _read_value(value: object) -> str | None:
    text = show_name(str(value)).strip()
    return None if text in ("", UNKNOWN_GROUP) else text


def _find_barred(table: StudyTable) -> set[str]:
    labels = {name for name in table.columns if name.startswith(LABEL_PREFIX)}
    return {*COLUMNS, *labels} - {"view", "source"}


def _list_allowed(table: StudyTable) -> list[str]:
    barred = _find_barred(table)
    return [name for name in table.columns if name not in barred]
