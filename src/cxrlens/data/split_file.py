"""A split is written down, so that it can be repeated and checked.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import math
import os
from pathlib import Path

from cxrlens.data.study_table import LABEL_PREFIX, StudyTable
from cxrlens.imaging import write_whole
from cxrlens.vocabulary import digest


def write_split(table: StudyTable, path: str | os.PathLike[str]) -> str:
    """Write which image is in which part, as CSV (UTF-8, LF), whole or not at all.

    Args:
        table: the images with their split.
        path: the file; replaced where there is one.

    Returns:
        SHA-256 of the file. It depends on the table alone: not on the machine, the locale, the
        order of rows, or where the collection lies.

    Raises:
        OutputError: if the file cannot be written.
    """
    names = table.relative_images
    header = ["label", "patient_id", "split"]
    if table.is_multilabel:
        header[:1] = [LABEL_PREFIX + name for name in table.classes]
    columns = [[_show(cell) for cell in table.frame[name]] for name in header]
    order = sorted(range(len(table)), key=lambda row: os.fsencode(names[row]))
    text = io.StringIO()
    # All quoted: a carriage return inside a name would else read as the end of a row.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("image", *header))
    writer.writerows((names[row], *(one[row] for one in columns)) for row in order)
    # File names that are no valid UTF-8 keep their bytes.
    data = text.getvalue().encode("utf-8", "surrogateescape")
    write_whole(Path(path), data)
    return digest(data)


def _show(cell: object) -> object:
    """Labels as whole numbers, missing ones as blanks."""
    if isinstance(cell, float):
        return "" if math.isnan(cell) else int(cell)
    return cell
