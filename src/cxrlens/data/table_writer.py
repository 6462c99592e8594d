"""A table is written as CSV that people can open and `read_table` reads back.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlens.data.cell_words import is_missing
from cxrlens.data.study_table import COLUMNS, StudyTable
from cxrlens.imaging import RUNS_MARK, read_head, write_whole
from cxrlens.vocabulary import ImageRefused, Refusal, TableError, show_name, to_plain

TABLE_FILE = "table.csv"
"""One row an image."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that starts so for a formula and runs it."""

_PATHS = ("image", "mask")


def write_table(table: StudyTable, folder: Path, place: Path) -> tuple[int, list[Refusal]]:
    """Write `table.csv`: UTF-8 without byte order mark, LF, all quoted.

    Paths go from the place where the file will lie. Labels of several classes are one column a
    class, named `label:` and the class: 1, 0, -1 uncertain, blank missing. Boxes are a JSON list.
    Columns that say nothing are left out. Text that starts like a formula gets an apostrophe
    before it (`restore_text` takes it off); a path never starts so, and numbers stay as they are.

    Args:
        table: the images.
        folder: where to write.
        place: the folder under whose name it will be found.

    Returns:
        The number of rows, and the images left out since their names are no valid UTF-8.

    Raises:
        TableError: if a class has a name that would be read as a blank cell, or as several classes.
    """
    if not table.is_multilabel:
        _check_classes(table.classes)
    kept, refusals = _sort_out(table)
    frame = table.take(kept).frame
    columns = [name for name in table.columns if _says_anything(frame, name)]
    cells = [
        [_relate(path, place) if name in _PATHS else _show(path) for path in frame[name]]
        for name in columns
    ]
    _write(folder / TABLE_FILE, columns, zip(*cells, strict=True))
    return len(kept), refusals


def is_written_table(path: str) -> bool:
    """Whether a file begins like a table that `write_table` wrote."""
    try:
        return read_head(path).startswith(b'"image",')
    except ImageRefused:
        return False


def defuse_text(text: str) -> str:
    """Put an apostrophe before text that starts like a formula (or like such a defused text).

    Example:
        >>> defuse_text("=1+1"), defuse_text("'=1"), defuse_text("'t Hart")
        ("'=1+1", "''=1", "'t Hart")
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def restore_text(text: str) -> str:
    """Take off what `defuse_text` put before a text.

    Example:
        >>> [restore_text(defuse_text(text)) for text in ("=1+1", "'=1", "'t Hart")]
        ['=1+1', "'=1", "'t Hart"]
    """
    is_defused = text.startswith("'") and text.lstrip("'").startswith(FORMULA_STARTS)
    return text[1:] if is_defused else text


def _check_classes(classes: Iterable[str]) -> None:
    for name in classes:
        if is_missing(name) or "|" in name or name != name.strip():
            raise TableError(
                f"the class {show_name(name)!r} would be read as a blank cell, as another name or "
                "as several classes: give it another name with --map OLD=NEW"
            )


def _sort_out(table: StudyTable) -> tuple[list[int], list[Refusal]]:
    kept, refusals = [], []
    for row, names in enumerate(table.frame[list(_PATHS)].itertuples(index=False)):
        strange = [name for name in names if name is not None and show_name(name) != name]
        if not strange:
            kept.append(row)
            continue
        message = (
            f"{show_name(strange[0])!r} has a name that is not valid UTF-8, which a CSV cannot "
            "hold: rename it"
        )
        refusals.append(Refusal(table.images[row], "bad-name", message))
    return kept, refusals


def _says_anything(frame: pd.DataFrame, name: str) -> bool:
    values = frame[name]
    if name == "view":
        return bool((values != "unknown").any())
    return name not in COLUMNS or bool(values.notna().any())


def _relate(path: str | None, place: Path) -> str:
    """The way from the place to a file, never starting like a formula; run lengths as they are."""
    if path is None or path.startswith(RUNS_MARK):
        return path or ""
    way = os.path.relpath(path, place).replace(os.sep, "/")
    return f"./{way}" if way.startswith((*FORMULA_STARTS, "'")) else way


def _show(value: object) -> str:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    if isinstance(value, tuple):  # boxes
        return json.dumps([to_plain(box) for box in value])
    return str(value) if isinstance(value, int) else defuse_text(show_name(str(value)))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    # All quoted: a carriage return inside a name would else read as the end of a row.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([defuse_text(name) for name in header])
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
