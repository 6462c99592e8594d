"""Every epoch as a row of a CSV file.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import Epoch, OutputError, to_plain

EPOCHS_FILE = "epochs.csv"
"""In a run folder."""

_COLUMNS = [one.name for one in fields(Epoch)]


def write_epochs(path: Path, history: Sequence[Epoch]) -> None:
    """Write the epochs so far, whole or not at all.

    Args:
        path: the file; replaced where there is one, since a later epoch may be the best.
        history: the epochs.

    Raises:
        OutputError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_show(getattr(epoch, name)) for name in _COLUMNS] for epoch in history)
    write_whole(path, text.getvalue().encode())


def read_epochs(path: Path) -> tuple[Epoch, ...]:
    """Read what `write_epochs` wrote.

    Raises:
        OutputError: if it is not that.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        plain = [{name: _read(name, row[name]) for name in _COLUMNS} for row in rows]
        return tuple(TypeAdapter(Epoch).validate_python(one) for one in plain)
    except (OSError, KeyError, ValueError, ValidationError) as error:
        raise OutputError(
            f"{path} does not hold the epochs of a training ({type(error).__name__}); "
            "train again with another --out"
        ) from error


def _show(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(to_plain(value))


def _read(name: str, cell: str) -> object:
    if name == "stage":
        return cell
    return json.loads(cell) if cell else None
