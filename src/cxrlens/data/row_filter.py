"""A condition in words chooses rows.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from cxrlens.vocabulary import Flags, TableError, show_name, suggest

_METHODS = {
    "between", "contains", "endswith", "isin", "isna", "len", "lower", "match", "notna",
    "startswith", "str", "strip", "upper",
}  # fmt: skip
"""What may be called on a column: nothing that can act."""

_ORDERS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
)
_JOINS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.And: operator.and_, ast.BitAnd: operator.and_, ast.Or: operator.or_,
     ast.BitOr: operator.or_}
)  # fmt: skip
_Columns: TypeAlias = Mapping[str, pd.Series]

_SIGN = ";"
"""Stands between the words of a cell that lists several."""

_MAX_CONDITION = 10_000
_HINT = (
    "write it such as 'view == \"PA\" and age > 17', with backticks around names that have "
    "spaces or are words of Python (`class`)"
)


@dataclass(frozen=True)
class Filtered:
    """Which rows a condition holds for."""

    kept: Flags
    """One flag a row."""

    notes: tuple[str, ...]
    """How the condition was understood, and how many rows it kept."""


def filter_rows(
    frame: pd.DataFrame, where: str, name: str, private: Collection[str] = ("patient_id",)
) -> Filtered:
    """Find the rows for which a condition in the words of `pandas.DataFrame.query` holds.

    It may be made of columns (in backticks where a name has spaces), numbers, text, lists,
    comparisons, `in`, `and`, `or`, `not`, and methods that compare text, such as
    `task.str.contains("covid")`; nothing in it can act. Columns of numbers compare as numbers, all
    others as text. In a column where some cells list several words with `;` between them, `==`,
    `!=` and `in` ask for any of the words: `task == "covid3"` holds for `covid3;pneumonia2`.

    Args:
        frame: columns of text or of values.
        where: the condition.
        name: what is filtered, for messages.
        private: columns whose values no message shows, such as patients' numbers.

    Returns:
        The rows, at least one.

    Raises:
        TableError: if the condition is not understood, names what is no column, may do more than
            compare, or holds for no row.
    """
    tree, quoted = _parse(where)
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {one: quoted.get(one, one) for one in dict.fromkeys(names)}
    for column in used.values():
        if column not in frame:
            raise TableError(
                f"the condition {where!r} names {column!r}, which is no column of {name}; "
                f"{suggest(column, map(str, frame.columns))} (columns: {_list_columns(frame)})"
            )
    shown = [column for column in used.values() if column not in private]
    columns = {one: _give_type(frame[column]) for one, column in used.items()}
    try:
        answer = np.asarray(_evaluate(tree, columns))
    except TableError as error:
        raise TableError(f"the condition {where!r} {error}") from error
    except (TypeError, ValueError, AttributeError, RecursionError, re.error) as error:
        raise TableError(
            f"cannot answer the condition {where!r} ({error}); {_HINT}{_tell(frame, shown)}"
        ) from error
    if answer.shape != (len(frame),) or not all(isinstance(one, bool) for one in answer.tolist()):
        raise TableError(f"the condition {where!r} gives no yes or no for each row; {_HINT}")
    kept = answer.astype(bool)
    if not kept.any():
        told = _tell(frame, shown)
        raise TableError(f"the condition {where!r} holds for no row of {name}{told}")
    notes = [
        _note_lists(used[one], cells)
        for one, cells in columns.items()
        if used[one] in shown and _is_listing(cells)
    ]
    notes.append(f"{int(kept.sum())} of {len(frame)} rows were kept, where {where}.")
    return Filtered(kept, tuple(notes))


def _parse(where: str) -> tuple[ast.expr, dict[str, str]]:
    """The condition's tree, and the columns that stand in backticks, by a name for each."""
    quoted: dict[str, str] = {}
    plain = where.strip()
    for column in re.findall(r"`([^`]*)`", plain):
        quoted[f"quoted_{len(quoted)}"] = column
        plain = plain.replace(f"`{column}`", f"quoted_{len(quoted) - 1}", 1)
    try:
        if len(plain) > _MAX_CONDITION:
            raise ValueError(f"more than {_MAX_CONDITION} characters")
        with warnings.catch_warnings():  # such as of the \d in "\d+"
            warnings.simplefilter("ignore")
            return ast.parse(plain, mode="eval").body, quoted
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise TableError(f"cannot understand the condition {where!r} ({why}); {_HINT}") from error


def _evaluate(node: ast.AST, columns: _Columns) -> Any:  # noqa: ANN401 (a value)
    """The value of a tree: a column, a number, a text, a list, or yes and no for each row."""
    if type(node) not in _MEANINGS:
        raise TableError(
            f"holds {type(node).__name__}; only columns, values, comparisons, and, or, not are "
            "allowed"
        )
    return _MEANINGS[type(node)](node, columns)


def _take_constant(node: Any, _: _Columns) -> bool | int | float | str:  # noqa: ANN401 (a node)
    if not isinstance(node.value, bool | int | float | str):
        raise TableError(f"holds {node.value!r}; only numbers and text are values")
    return node.value


def _join(node: Any, columns: _Columns) -> Any:  # noqa: ANN401 (a node, a value)
    sides = node.values if isinstance(node, ast.BoolOp) else (node.left, node.right)
    if type(node.op) not in _JOINS:
        raise TableError("calculates; only columns, values and comparisons are allowed")
    return reduce(_JOINS[type(node.op)], [_evaluate(side, columns) for side in sides])


def _turn(node: Any, columns: _Columns) -> Any:  # noqa: ANN401 (a node, a value)
    value = _evaluate(node.operand, columns)
    return -value if isinstance(node.op, ast.USub) else ~value


def _compare_all(node: Any, columns: _Columns) -> Any:  # noqa: ANN401 (a node, a value)
    values = [_evaluate(one, columns) for one in (node.left, *node.comparators)]
    pairs = zip(node.ops, values[:-1], values[1:], strict=True)
    return reduce(operator.and_, [_compare(op, one, other) for op, one, other in pairs])


def _call(node: Any, columns: _Columns) -> Any:  # noqa: ANN401 (a node, a value)
    method = node.func
    arguments = [_evaluate(one, columns) for one in node.args]
    named = {one.arg: _evaluate(one.value, columns) for one in node.keywords if one.arg}
    if isinstance(method, ast.Attribute) and method.attr == "isin" and len(arguments) == 1:
        return _compare(ast.In(), _evaluate(method.value, columns), arguments[0])
    if not isinstance(method, ast.Attribute):
        raise TableError(f"calls a function; {suggest('', _METHODS)}")
    answer = _evaluate(method, columns)(*arguments, **named)
    # What asks for text finds none in a blank cell of another table.
    return answer.fillna(False).astype(bool) if _is_asking(answer) else answer


def _is_asking(answer: object) -> bool:
    return isinstance(answer, pd.Series) and all(
        value is None or value is pd.NA or value != value or isinstance(value, bool)  # noqa: PLR0124
        for value in answer.unique().tolist()
    )


def _check_method(name: str) -> str:
    if name not in _METHODS:
        raise TableError(f"may not use {name!r}; {suggest(name, _METHODS)}")
    return name


def _compare(op: ast.cmpop, one: Any, other: Any) -> Any:  # noqa: ANN401 (values)
    if type(op) in _ORDERS:
        return _ORDERS[type(op)](one, other)
    if isinstance(op, ast.Is | ast.IsNot):
        raise TableError("compares with `is`; write == instead")
    is_equal = isinstance(op, ast.Eq | ast.NotEq)
    among = _is_among(one, [other] if is_equal and not isinstance(other, list) else other)
    return among if isinstance(op, ast.Eq | ast.In) else ~among


def _is_among(one: Any, others: Any) -> Any:  # noqa: ANN401 (values)
    """Whether each cell, or any of the words that it lists, is one of some values."""
    if not isinstance(one, pd.Series):
        if isinstance(others, list) and len(others) == 1 and isinstance(others[0], pd.Series):
            return _is_among(others[0], [one])  # such as "PA" == view
        raise TypeError("one side must be a column")
    if len(others) == 1 and isinstance(others[0], pd.Series):
        return one == others[0]
    if not _is_listing(one):
        return one.isin(others)
    wanted = set(others)
    flags = [cell in wanted or bool(wanted.intersection(_cut(cell))) for cell in one]
    return pd.Series(flags, index=one.index, dtype=bool)


def _cut(cell: object) -> list[str]:
    return [word.strip() for word in cell.split(_SIGN)] if isinstance(cell, str) else []


def _is_listing(cells: pd.Series) -> bool:
    return cells.dtype == object and any(isinstance(c, str) and _SIGN in c for c in cells.unique())


def _note_lists(column: str, cells: pd.Series) -> str:
    listing = [cell for cell in cells if isinstance(cell, str) and _SIGN in cell]
    return (
        f"Column {column!r} lists several words in {len(listing)} cells (such as "
        f"{show_name(listing[0])!r}): there == holds for each of them."
    )


def _give_type(cells: pd.Series) -> pd.Series:
    """Numbers, if every cell is blank or one (and none begins with a zero, as identifiers do)."""
    unique = cells.unique()
    if any(isinstance(cell, str) and re.match(r"-?0\d", cell) for cell in unique):
        return cells
    blank = cells.isna() | cells.isin([""])
    numbers = pd.to_numeric(cells.where(~blank), errors="coerce")
    if blank.all() or (numbers.isna() & ~blank).any():
        return cells
    return numbers.astype(float)


_MEANINGS: Mapping[type, Callable[[Any, _Columns], Any]] = MappingProxyType(
    {
        ast.Name: lambda node, columns: columns[node.id],
        ast.Constant: _take_constant,
        ast.List: lambda node, columns: [_evaluate(one, columns) for one in node.elts],
        ast.Tuple: lambda node, columns: [_evaluate(one, columns) for one in node.elts],
        ast.BoolOp: _join,
        ast.BinOp: _join,
        ast.UnaryOp: _turn,
        ast.Compare: _compare_all,
        ast.Call: _call,
        ast.Attribute: lambda node, columns: getattr(
            _evaluate(node.value, columns), _check_method(node.attr)
        ),
    }
)
"""What each kind of node in a condition means; there are no others."""


def _list_columns(frame: pd.DataFrame) -> str:
    return ", ".join(show_name(str(column)) for column in frame.columns[:40])


def _tell(frame: pd.DataFrame, used: Collection[str]) -> str:
    """The commonest values of the columns that were asked."""
    told = {
        column: [show_name(str(value)) for value in frame[column].value_counts().index[:5]]
        for column in used
    }
    return "".join(f"; {column!r} holds {', '.join(values)}" for column, values in told.items())
