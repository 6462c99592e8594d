"""A file of predictions, whoever wrote it, becomes rows of text with their places.

SPDX-License-Identifier: Apache-2.0
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlens.data import LabelFile, read_label_file
from cxrlens.vocabulary import TableError, show_name

_JSON_LINES = (".jsonl", ".ndjson")
_NESTED = {"probabilities": "probability", "labels": "label"}
"""What we write as an object, one entry a class, and how the column of an entry begins."""


def read_prediction_cells(path: Path) -> LabelFile:
    """Read a file of predictions as text.

    Args:
        path: CSV, TSV or Parquet (packed or not), JSON lines, or a run folder with
            `predictions.jsonl`.

    Returns:
        All rows; an object with one entry a class (`probabilities`, `labels`) has one column an
        entry, such as `probability NORMAL`, and the list `decisions` one column `decided CLASS` a
        class.

    Raises:
        TableError: if there is no such file, it is empty or damaged, or a line is no object.
    """
    if path.is_dir():
        path = path / "predictions.jsonl"
    if not path.is_file():
        raise TableError(
            f"there is no file '{show_name(str(path))}'; give a file of predictions (CSV, Parquet, "
            "JSON lines), or the folder of a run of train, evaluate or predict"
        )
    if path.suffix.lower() not in _JSON_LINES:
        return read_label_file(path)
    rows, numbers = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            rows.append(_read_line(line, f"line {number} of {show_name(path.name)!r}"))
            numbers.append(number)
    if not rows:
        raise TableError(f"{show_name(path.name)!r} is empty: give a file of predictions")
    columns = dict.fromkeys(name for row in rows for name in row)
    frame = pd.DataFrame(
        {name: pd.Series([row.get(name, "") for row in rows], dtype=object) for name in columns}
    )
    return LabelFile(str(path), frame, np.array(numbers, dtype=np.int64), "line")


def _read_line(line: bytes, place: str) -> dict[str, str]:
    try:
        told = json.loads(line)
    except ValueError as error:
        raise TableError(f"{place} is no JSON ({error}); write one object a line") from error
    if not isinstance(told, Mapping):
        raise TableError(f"{place} is no JSON object; write one object a line")
    cells: dict[str, str] = {}
    classes, decided = told.get("probabilities"), told.get("decisions")
    if isinstance(classes, Mapping) and isinstance(decided, list):
        cells |= {f"decided {own}": str(int(own in decided)) for own in classes}
    for name, value in told.items():
        if name in _NESTED and isinstance(value, Mapping):
            cells |= {f"{_NESTED[name]} {own}": _show(one) for own, one in value.items()}
        elif not isinstance(value, Mapping | list):
            cells[name] = _show(value)
    return cells


def _show(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)
