"""Conditions: what they hold for, against plain Python, and what they may not do."""

import operator
import os

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrlens.data.row_filter import filter_rows
from cxrlens.vocabulary import TableError

FRAME = pd.DataFrame(
    {
        "task": ["a;b", "a", "c", "", "b; d"],
        "View Position": ["PA", "AP", "AP", "LL", ""],
        "age": ["10", "20", "", "40", "5.5"],
        "id": ["007", "7", "008", "1", "2"],
    },
    dtype=object,
)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ('task == "a"', [0, 1]),
        ('"a" == task', [0, 1]),
        ('task == "a;b"', [0]),
        ('task != "b"', [1, 2, 3]),
        ('task in ["b", "c"]', [0, 2, 4]),
        ('task not in ("b", "c")', [1, 3]),
        ('task.isin(["d"])', [4]),
        ('task.str.contains("b")', [0, 4]),
        ('task.str.upper().str.startswith("A")', [0, 1]),
        ('`View Position` == "AP"', [1, 2]),
        ('`View Position` == "AP" and age > 10', [1]),
        ("10 <= age < 40", [0, 1]),
        ("not age >= 10", [2, 4]),
        ("age.isna()", [2]),
        ("age == 5.5 | age == 40", None),
        ("(age == 5.5) | (age == 40)", [3, 4]),
        ("age > -1 & age < 11", None),
        ('id == "007"', [0]),
        ("age.between(10, 20)", [0, 1]),
        ('task == "a" or age == 40', [0, 1, 3]),
    ],
)
def test_what_holds(where: str, rows: list[int] | None) -> None:
    if rows is None:  # & binds closer than ==, as in Python
        with pytest.raises(TableError, match="condition"):
            filter_rows(FRAME, where, "t")
    else:
        kept = filter_rows(FRAME, where, "t")
        assert [i for i, one in enumerate(kept.kept) if one] == rows
        assert kept.notes[-1] == f"{len(rows)} of 5 rows were kept, where {where}."


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3, 3)), min_size=1, max_size=9),
    st.sampled_from("abc"),
    st.integers(-3, 3),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.sampled_from(["and", "or", "and not", "or not"]),
)
def test_against_plain_python(
    rows: list[tuple[str, int]], word: str, number: int, sign: str, join: str
) -> None:
    compare = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
               ">": operator.gt, ">=": operator.ge}[sign]  # fmt: skip
    wanted = []
    for letter, n in rows:
        one, other = letter == word, compare(n, number) != join.endswith("not")
        wanted.append((one and other) if join.startswith("and") else (one or other))
    frame = pd.DataFrame({"w": [r[0] for r in rows], "n": [str(r[1]) for r in rows]}, dtype=object)
    where = f'w == "{word}" {join} n {sign} {number}'
    if any(wanted):
        assert filter_rows(frame, where, "t").kept.tolist() == wanted
    else:
        with pytest.raises(TableError, match="holds for no row of t; 'w' holds"):
            filter_rows(frame, where, "t")


@pytest.mark.parametrize(
    "where",
    [
        "", " ", "task ==", "task", "age", "1 == 1", '"x"', "task and age", "age + 1 > 2",
        "9**9**9 > age", "nothing == 1", "@age > 1", "task.__class__ == 1", "task._x == 1",
        'task.to_csv("x")', 'task.map("x")', "__import__('os')", "open('x')", "len(task) == 5",
        "[x for x in task]", "lambda: 1", "task := 1", "age > 'x'", "task.str.contains('(')",
        "task.isin()", "task is None", "(" * 500 + "age" + ")" * 500, "age > 1" * 5000,
        "`nothing` == 1", "`age > 1", "task.str == 1", "task[0] == 'a'", "f'{task}' == 'a'",
        "-task == 1", "~task", "age in 3", "age\n> 1; import os",
    ],
)  # fmt: skip
def test_what_is_refused(where: str) -> None:
    before = sorted(os.listdir())
    with pytest.raises(TableError, match="condition"):
        filter_rows(FRAME, where, "t")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("where", ['id == "no"', "id < 5", 'id == "no" and task == "a"'])
def test_patients_numbers_are_not_shown(where: str) -> None:
    with pytest.raises(TableError, match="condition") as caught:
        filter_rows(FRAME, where, "t", private=("id",))
    assert "007" not in str(caught.value)


def test_a_word_of_python_needs_backticks() -> None:
    frame = FRAME.rename(columns={"task": "class"})
    assert (
        filter_rows(frame, '`class` == "c"', "t").kept.tolist()
        == [False, False, True] + [False] * 2
    )
    with pytest.raises(TableError, match="backticks"):
        filter_rows(frame, 'class == "c"', "t")


def test_an_escape_in_a_condition_warns_of_nothing() -> None:
    assert filter_rows(FRAME, r'age.isna() or id.str.match("\d+$")', "t").kept.all()
