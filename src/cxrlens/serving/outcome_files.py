"""Readings become a table for other programs: CSV or Parquet, a row a reading and class.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from cxrlens.report import defuse_cell
from cxrlens.serving.outcomes import Record
from cxrlens.vocabulary import NOT_A_DEVICE

COLUMNS = pa.schema(
    [
        ("case", pa.int64()),
        ("patient", pa.string()),
        ("reader", pa.string()),
        ("level", pa.string()),
        ("bundle", pa.string()),
        ("class", pa.string()),
        ("first", pa.bool_()),
        ("first_sureness", pa.int8()),
        ("final", pa.bool_()),
        ("final_sureness", pa.int8()),
        ("n_amendments", pa.int64()),
        ("machine", pa.bool_()),
        ("machine_probability", pa.float64()),
        ("machine_was_shown", pa.bool_()),
        ("reference", pa.bool_()),
        ("seconds", pa.float64()),
        ("committed_at", pa.string()),
        ("notice", pa.string()),
    ]
)
"""Patients stand under their pseudonyms; empty is not known."""


def write_csv(records: Sequence[Record], classes: Sequence[str]) -> bytes:
    """Write a table for spreadsheets; a cell that starts like a formula has an apostrophe before.

    Args:
        records: of a room.
        classes: of the room.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS.names)
    for row in _list_rows(records, classes):
        writer.writerow([_show(row[name]) for name in COLUMNS.names])
    return text.getvalue().encode()


def write_parquet(records: Sequence[Record], classes: Sequence[str]) -> bytes:
    """Write a table for programs.

    Args:
        records: of a room.
        classes: of the room.
    """
    table = pa.Table.from_pylist(_list_rows(records, classes), COLUMNS)
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def _list_rows(records: Sequence[Record], classes: Sequence[str]) -> list[dict[str, object]]:
    nothing = (None, None)
    return [
        {
            "case": one.number,
            "patient": one.pseudonym,
            "reader": one.reader,
            "level": one.level,
            "bundle": one.bundle,
            "class": name,
            "first": (one.first or {}).get(name, nothing)[0],
            "first_sureness": (one.first or {}).get(name, nothing)[1],
            "final": one.final.get(name, nothing)[0],
            "final_sureness": one.final.get(name, nothing)[1],
            "n_amendments": one.n_amendments,
            "machine": one.machine.get(name, nothing)[0],
            "machine_probability": one.machine.get(name, nothing)[1],
            "machine_was_shown": one.shown,
            "reference": one.reference.get(name),
            "seconds": one.seconds,
            "committed_at": one.committed_at,
            "notice": NOT_A_DEVICE,
        }
        for one in records
        for name in classes
    ]


def _show(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return defuse_cell(value) if isinstance(value, str) else str(value)
