"""A Parquet file becomes columns of text.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from cxrlens.data.label_bytes import MAX_BYTES
from cxrlens.vocabulary import TableError, show_name


def read_parquet(path: str, max_cells: int) -> tuple[list[str], list[list[str]]]:
    """Read a Parquet file as a CSV file would hold it.

    Args:
        path: the file.
        max_cells: more are refused from the file's own count, before any is read.

    Returns:
        The names of the columns, and the cells of each as text: `""` where there is none, whole
        numbers without a fraction, yes and no as 1 and 0.

    Raises:
        TableError: if the file is damaged or too large.
    """
    name = repr(show_name(path))
    try:
        with pq.ParquetFile(path) as file:
            about = file.metadata
            n_bytes = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
            if about.num_rows * about.num_columns > max_cells or n_bytes > MAX_BYTES:
                raise TableError(
                    f"{name} has {about.num_rows} rows of {about.num_columns} columns and "
                    f"{n_bytes} bytes unpacked: no table of labels is that large"
                )
            table = file.read()
        columns = [_to_text(column.to_pylist()) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise TableError(f"{name} cannot be read as Parquet ({error}): write it again") from error
    kept = [i for i, one in enumerate(table.column_names) if not one.startswith("__index_level_")]
    return [table.column_names[i] for i in kept], [columns[i] for i in kept]


def _to_text(values: Iterable[object]) -> list[str]:
    return [_show(value) for value in values]


def _show(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
