"""Groups of a table, and an examination judged in each.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxrlens.data import StudyTable, make_frame
from cxrlens.evaluation import judge_subgroups
from cxrlens.model import Training, choose_columns, find_age_band, judge_groups, list_groups
from cxrlens.vocabulary import TableError


def make_study(**columns: list[object]) -> StudyTable:
    n = len(next(iter(columns.values())))
    names = [f"{row}.png" for row in range(n)]
    return StudyTable(make_frame({"image": names, "label": ["a"] * n, **columns}), ("a", "b"), ".")


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "0–17"), (17.99, "0–17"), (18, "18–39"), (39.5, "18–39"), (40, "40–64"), (64.9, "40–64"),
     (65, "65–79"), (79.9, "65–79"), (80, "80+"), (112, "80+")],
)  # fmt: skip
def test_bands_begin_at_their_first_year(age: float, band: str) -> None:
    assert find_age_band(float(age)) == band


def test_ages_become_bands_and_what_is_none_is_unknown() -> None:
    table = make_study(age=[5.0, None, np.nan, "71", "old", -3])
    assert list_groups(table, "age") == ["0–17", None, None, "65–79", None, None]


def test_values_are_the_groups() -> None:
    table = make_study(view=["PA", "AP", "unknown", "PA"], sex=["F", None, " ", "M"])
    assert list_groups(table, "view") == ["PA", "AP", None, "PA"]
    assert list_groups(table, "sex") == ["F", None, None, "M"]


def test_columns_with_one_value_are_not_worth_it() -> None:
    table = make_study(
        view=["PA", "unknown", "PA"], sex=["F", "M", None], age=[41.0, 42.0, 43.0],
        source=["x", "y", "z"],
    )  # fmt: skip
    assert choose_columns(table) == ("sex", "source")
    assert choose_columns(table, ["age", "age"]) == ("age",)


@pytest.mark.parametrize("column", ["patient_id", "label", "split", "image", "mask"])
def test_what_is_no_group_is_refused(column: str) -> None:
    with pytest.raises(TableError, match=f"grouped by '{column}'.*choose from: view, source, sex"):
        list_groups(make_study(sex=["F"]), column)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(TableError, match=r"no column 'sx' to group by: did you mean 'sex'"):
        choose_columns(make_study(sex=["F"]), ["sx"])


def test_a_column_of_too_many_values_is_refused() -> None:
    table = make_study(weight=list(range(60)), source=[f"s{i}" for i in range(60)])
    with pytest.raises(TableError, match="'weight' has 60 different values, such as '0'"):
        list_groups(table, "weight")
    assert choose_columns(table) == ()


def test_groups_of_an_examination(training: Training) -> None:
    examination = training.examination
    frame = examination.rows.frame
    assert list(frame["image"]) == list(examination.table.images)
    sexes = ["F" if row % 2 else "M" for row in range(len(frame))]
    frame = frame.assign(sex=pd.Series(sexes, dtype=object))
    known = replace(examination, rows=replace(examination.rows, frame=frame))
    (found,) = judge_groups(known)
    expected = judge_subgroups(examination.table, "sex", sexes)
    assert found == expected
    assert [one.column for one in judge_groups(known, ["sex", "source"])] == ["sex", "source"]
    assert judge_groups(examination) == ()
