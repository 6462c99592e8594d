"""Every epoch as a row of a CSV file, and every class of every epoch as a row of another.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cxrlens.data.table_writer import defuse_text, restore_text
from cxrlens.imaging import write_whole
from cxrlens.vocabulary import ClassEpoch, Epoch, OutputError, Plain, show_name, to_plain

EPOCHS_FILE, CLASSES_FILE = "epochs.csv", "classes.csv"
"""In a run folder."""

_COLUMNS = [one.name for one in fields(Epoch) if one.name != "classes"]

_CLASS_COLUMNS = {
    "class": "class_name",
    "precision": "precision",
    "recall": "recall",
    "F1": "f1",
    "AUROC": "auroc",
    "support": "support",
}
"""Columns of `classes.csv` after `epoch` and `stage`, and the fields of `ClassEpoch` for them."""

_WORDS = ("stage", "class_name", "features")
"""Fields that stand as they are; all others are JSON, and blank where there is none."""


def write_epochs(folder: Path, history: Sequence[Epoch]) -> None:
    """Write the epochs so far as `epochs.csv` and `classes.csv`, each whole or not at all.

    Args:
        folder: of the run; files that it has are replaced, since a later epoch may be the best.
        history: the epochs.

    Raises:
        OutputError: if they cannot be written.
    """
    rows = ([_show(name, getattr(epoch, name)) for name in _COLUMNS] for epoch in history)
    of_classes = (
        [
            str(epoch.epoch),
            _show("stage", epoch.stage),
            *(_show(name, getattr(one, name)) for name in _CLASS_COLUMNS.values()),
        ]
        for epoch in history
        for one in epoch.classes
    )
    _write(folder / EPOCHS_FILE, _COLUMNS, rows)
    _write(folder / CLASSES_FILE, ["epoch", "stage", *_CLASS_COLUMNS], of_classes)


def read_epochs(folder: Path) -> tuple[Epoch, ...]:
    """Read what `write_epochs` wrote.

    Raises:
        OutputError: if it is not there, or not that.
    """
    path = folder / EPOCHS_FILE
    try:
        plain = [{name: _read(name, row[name]) for name in _COLUMNS} for row in _read_rows(path)]
        history = [TypeAdapter(Epoch).validate_python(one) for one in plain]
        path = folder / CLASSES_FILE
        found: dict[int, list[ClassEpoch]] = {}
        for row in _read_rows(path):
            one = {field: _read(field, row[column]) for column, field in _CLASS_COLUMNS.items()}
            of_epoch = found.setdefault(int(row["epoch"]), [])
            of_epoch.append(TypeAdapter(ClassEpoch).validate_python(one))
    except (OSError, KeyError, ValueError, ValidationError) as error:
        raise OutputError(
            f"{path} does not hold the epochs of a training ({type(error).__name__}); "
            "train again with another --out"
        ) from error
    return tuple(replace(one, classes=tuple(found.get(one.epoch, ()))) for one in history)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def _read_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


def _show(name: str, value: object) -> str:
    if name in _WORDS:
        return defuse_text(show_name(str(value)))
    return "" if value is None else json.dumps(to_plain(value))


def _read(name: str, cell: str) -> Plain:
    if name in _WORDS:
        return restore_text(cell)
    found: Plain = json.loads(cell) if cell else None
    return found
