"""A table of labels is read from its file as text, each row with the line it begins on.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import chain, islice

import numpy as np
import pandas as pd

from cxrlens.data.label_bytes import check_head, open_text
from cxrlens.data.table_writer import restore_text
from cxrlens.vocabulary import ClassIndices, Flags, TableError, show_name

MAX_LINE = 1_000_000
"""Characters of a line; longer ones are no table of labels."""

MAX_CELLS = 20_000_000
"""Cells of a table: three times the largest public one (PadChest, 36 columns)."""

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, eq=False)
class LabelFile:
    """The rows of one file as they stand there."""

    path: str
    """The file."""

    frame: pd.DataFrame
    """Text of dtype object, `""` where a cell is blank; numbered from 0."""

    lines: ClassIndices
    """The line (CSV, from 1, the header counted) or row (Parquet, from 1) of each row."""

    unit: str = "line"
    """What `lines` counts: `line` or `row`."""

    notes: tuple[str, ...] = ()
    """What was done to the file, one sentence each."""

    @property
    def folder(self) -> str:
        """The folder in which the file lies."""
        return os.path.dirname(self.path) or "."  # noqa: PTH120 (a name, not a place)

    @property
    def name(self) -> str:
        """The file's name, as messages show it."""
        return repr(show_name(os.path.basename(self.path)))  # noqa: PTH119 (as above)

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return list(self.frame.columns)

    def place(self, row: int) -> str:
        """Say where a row stands, such as `line 7 of 'labels.csv'`."""
        return f"{self.unit} {self.lines[row]} of {self.name}"

    def take(self, rows: Flags | ClassIndices) -> "LabelFile":
        """Give some rows: those that are true, or those at positions."""
        frame = self.frame.loc[rows] if rows.dtype == bool else self.frame.iloc[rows]
        return replace(self, frame=frame.reset_index(drop=True), lines=self.lines[rows])

    def with_notes(self, notes: Iterable[str]) -> "LabelFile":
        """Give the same rows with further notes."""
        return replace(self, notes=(*self.notes, *notes))


def read_label_file(path: str | os.PathLike[str]) -> LabelFile:
    r"""Read a table from CSV, TSV, `;`-separated text or Parquet, told apart by content.

    Text may be UTF-8 (with or without a byte order mark), UTF-16 with one, or else Latin-1, which
    is noted; lines may end in LF or CRLF; gzip, and zip with one member, are opened. The first row
    names the columns; blank lines are passed over; what spreadsheets leave behind the last named
    column counts only if it holds something.

    Args:
        path: the file.

    Returns:
        All rows as text.

    Raises:
        TableError: if there is no such file, it is empty or no table (a web page, an image, a
            binary file, a workbook), too large (`MAX_CELLS`, `MAX_LINE`, a gigabyte unpacked),
            damaged, or a row has another number of cells than the header: with its line.
    """
    path = os.fspath(path)
    if check_head(path) == "Parquet":
        from cxrlens.data.label_parquet import read_parquet  # noqa: PLC0415 (pyarrow is slow)

        names, columns = read_parquet(path, MAX_CELLS)
        rows = np.arange(1, len(columns[0]) + 1 if columns else 1, dtype=np.int64)
        return _make_file(path, names, columns, rows, "row")
    try:
        with open_text(path, "utf-8-sig") as text:
            return _read_text(path, text)
    except UnicodeDecodeError:
        with open_text(path, "latin-1") as text:
            file = _read_text(path, text)
    return file.with_notes([f"{file.name} is not valid UTF-8 and was read as Latin-1."])


def read_header(path: str | os.PathLike[str]) -> list[str]:
    """Read the names of a table's columns, from its first rows only.

    Args:
        path: as for `read_label_file`.

    Returns:
        The names.

    Raises:
        TableError: as `read_label_file`.
    """
    path = os.fspath(path)
    if check_head(path) == "Parquet":
        return read_label_file(path).header
    with open_text(path, "latin-1") as text:
        return _read_text(path, text, limit=1).header


def _read_text(path: str, text: TextIOWrapper, limit: int | None = None) -> LabelFile:
    name = repr(show_name(path))
    lines = _iterate(text, name)
    first = list(islice(lines, 2))
    skipped = 0
    if first and first[0].rstrip("\r\n").lower() in {f"sep={one}" for one in _DELIMITERS}:
        delimiter, first, skipped = first[0][4], first[1:], 1
    else:
        delimiter = _find_delimiter(first)
    reader = csv.reader(chain(first, lines), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    rows: list[list[str]] = []
    numbers: list[int] = []
    n_cells = 0
    for number, cells in _number(reader, skipped, name):
        if not any(cells):
            continue
        if header is None:
            header = _trim([cell.strip() for cell in cells])
            continue
        rows.append(cells if len(cells) == len(header) else _fit(cells, header, number, name))
        numbers.append(number)
        n_cells += len(header)
        if len(rows) == limit:
            break
        if n_cells > MAX_CELLS:
            raise TableError(
                f"{name} has more than {MAX_CELLS} cells up to line {number}: take the columns "
                "away that are not needed"
            )
    if header is None:
        raise TableError(f"{name} is empty: give a table whose first row names its columns")
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    return _make_file(path, header, columns, np.array(numbers, dtype=np.int64), "line")


def _make_file(
    path: str, header: Sequence[str], columns: Sequence[Sequence[str]], lines: ClassIndices,
    unit: str,
) -> LabelFile:  # fmt: skip
    names = [name or f"column {number}" for number, name in enumerate(header, start=1)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    shown = repr(show_name(path))
    if repeated is not None:
        raise TableError(f"{shown} has two columns named {repeated!r}: rename one")
    if len(lines) == 0:
        raise TableError(f"{shown} holds no row below its header ({', '.join(names)})")
    data = {
        name: pd.Series([_restore(cell) for cell in cells], dtype=object)
        for name, cells in zip(names, columns, strict=True)
    }
    return LabelFile(path, pd.DataFrame(data), lines, unit)


def _restore(cell: str) -> str:
    """Take off the apostrophe by which a spreadsheet, or we, kept a cell from being a formula."""
    return restore_text(cell) if cell.startswith("'") else cell


def _iterate(text: TextIOWrapper, name: str) -> Iterator[str]:
    """Lines with their ends, none of them without bound."""
    number = 0
    while line := text.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise TableError(
                f"line {number} of {name} has more than {MAX_LINE} characters: this is no table "
                "of labels"
            )
        if number > MAX_CELLS:
            raise TableError(
                f"{name} has more than {MAX_CELLS} lines: no table of labels is so long"
            )
        if "\0" in line:
            raise TableError(f"line {number} of {name} holds a zero byte: this is no text")
        yield line


def _find_delimiter(first: Sequence[str]) -> str:
    """The one that cuts the header and the first row into the same number of cells, and most."""

    def judge(delimiter: str) -> tuple[bool, int]:
        counts = [line.count(delimiter) for line in first if line.strip()]
        return bool(counts) and min(counts) > 0, counts[0] if counts else 0

    return max(_DELIMITERS, key=judge)


def _number(
    reader: Iterable[list[str]], skipped: int, name: str
) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins."""
    records, begin = iter(reader), 1 + skipped
    while True:
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(
                f"line {begin} of {name} cannot be cut into cells ({error}): check its quotes"
            ) from error
        yield begin, cells
        begin = 1 + skipped + reader.line_num  # type: ignore[attr-defined]


def _trim(header: list[str]) -> list[str]:
    """Take away the blank names at the end, which spreadsheets leave there."""
    while header and not header[-1]:
        header.pop()
    return header


def _fit(cells: list[str], header: Sequence[str], number: int, name: str) -> list[str]:
    if len(cells) > len(header) and not any(cells[len(header) :]):
        return cells[: len(header)]
    raise TableError(
        f"line {number} of {name} has {len(cells)} cells, the header has {len(header)}: quote "
        "cells that hold the separator, and write blank cells out"
    )
