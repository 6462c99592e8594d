"""Predictions become a table in a file.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from cxrlens.imaging import open_whole
from cxrlens.vocabulary import NOT_A_DEVICE, Prediction, Unfamiliarity, show_name, to_plain

Labels = Mapping[str, int | None]
"""What is known of each class of one image: 1, 0, -1 uncertain, None missing."""


@dataclass(frozen=True)
class Origin:
    """Where an image comes from, and which model answered for it."""

    patient: str | None
    """None means unknown."""

    fold: int | None
    """Number of the cross-validation fold, from 1 as its folder; None where there was one model."""

    source: str | None
    """The hospital or collection; None means unknown."""


PREDICTION_FILES = ("predictions.csv", "predictions.jsonl")
"""Names of the table and of the JSON lines in a folder."""

UNFAMILIARITY_COLUMNS = ("distance", "p_value", "limit")
"""Of the CSV: the fields of `Unfamiliarity`."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that starts so for a formula and runs it."""


@dataclass(frozen=True)
class PredictionColumns:
    """What decides which columns the CSV has."""

    classes: tuple[str, ...] = ()
    """Each has its probability."""

    is_calibrated: bool = False
    """Whether each has a calibrated one too; a refused image leaves it empty."""

    is_multilabel: bool = False
    """Whether each class is decided for on its own, and has columns for that."""

    has_origins: bool = False
    """Whether patient, fold and source are told."""

    has_unfamiliarity: bool = False
    """Whether it is told how unlike the training images each is."""


class PredictionsWriter:
    """Takes predictions one by one; made by `open_predictions`.

    Args:
        columns: of the CSV.
        write_table: is given the bytes of the CSV.
        write_lines: is given the bytes of the JSON lines.
    """

    def __init__(
        self,
        columns: PredictionColumns,
        write_table: Callable[[bytes], None],
        write_lines: Callable[[bytes], None],
    ) -> None:
        self._columns = columns
        self._write_table = write_table
        self._write_lines = write_lines
        self._write_row(_list_header(columns))

    def add(
        self,
        prediction: Prediction,
        truth: str | None = None,
        labels: Labels | None = None,
        origin: Origin | None = None,
    ) -> None:
        """Write one row.

        Args:
            prediction: refused ones too.
            truth: the true class, where it is known; of several labels in words.
            labels: of several labels, what is known of each class.
            origin: where it comes from.

        Raises:
            OutputError: if it cannot be written.
        """
        cells = _list_cells(self._columns, prediction, truth, labels or {})
        told = tell_prediction(prediction, truth, labels, origin)
        self._write_row([*cells[0], *_show_origin(self._columns, origin), *cells[1]])
        self._write_lines(f"{json.dumps(told, ensure_ascii=True, allow_nan=False)}\n".encode())

    def _write_row(self, cells: Sequence[str]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._write_table(text.getvalue().encode())


@contextmanager
def open_predictions(folder: Path, columns: PredictionColumns) -> Iterator[PredictionsWriter]:
    """Write `predictions.csv`, for spreadsheets, and `predictions.jsonl`, for programs.

    Rows are written as they come, to files beside, which take their names when the block ends; a
    block that fails leaves neither. In the CSV a file name that starts like a formula has an
    apostrophe before it; the JSON lines hold names as they are. Bytes of names that are no valid
    UTF-8 are shown as hexadecimal.

    Args:
        folder: where to; must exist.
        columns: of the CSV.

    Yields:
        What takes the rows.

    Raises:
        OutputError: if the folder cannot be written.
    """
    table, lines = (folder / name for name in PREDICTION_FILES)
    with open_whole(table) as write_table, open_whole(lines) as write_lines:
        yield PredictionsWriter(columns, write_table, write_lines)


def write_predictions(
    folder: Path,
    predictions: Sequence[Prediction],
    truths: Sequence[str | None] | None = None,
    labels: Sequence[Labels] | None = None,
    origins: Sequence[Origin] | None = None,
) -> tuple[Path, Path]:
    """Write both files of `open_predictions` at once.

    Args:
        folder: where to; must exist.
        predictions: one row each, refused ones too.
        truths: the true class of each, where it is known; of several labels an image in words.
        labels: of several labels an image, what is known of each class: 1 there, 0 not there, -1
            uncertain, None missing. The CSV then has a column `decided CLASS` and a column
            `label CLASS` for every class.
        origins: patient, fold and source of each; they then have columns of their own.

    Returns:
        The CSV and the JSON lines file.

    Raises:
        OutputError: if the folder cannot be written.
    """
    nothing = [None] * len(predictions)
    told = [nothing if given is None else given for given in (truths, labels, origins)]
    columns = PredictionColumns(
        predictions[0].classes if predictions else (),
        any(one.calibrated for one in predictions),
        bool(predictions) and predictions[0].is_multilabel,
        origins is not None,
        any(one.unfamiliarity is not None for one in predictions),
    )
    with open_predictions(folder, columns) as writer:
        for row in zip(predictions, *told, strict=True):
            writer.add(*row)
    return folder / PREDICTION_FILES[0], folder / PREDICTION_FILES[1]


def _list_header(columns: PredictionColumns) -> list[str]:
    names = [defuse_cell(show_name(name)) for name in columns.classes]
    own = names if columns.is_multilabel else []
    return [
        "image", "status", "decision",
        *(f"probability {name}" for name in names),
        *(f"calibrated {name}" for name in names if columns.is_calibrated),
        *(f"decided {name}" for name in own),
        "truth",
        *(f"label {name}" for name in own),
        *(["patient", "fold", "source"] if columns.has_origins else []),
        "reason", "warnings",
        *(UNFAMILIARITY_COLUMNS if columns.has_unfamiliarity else []),
        "model", "engine", "notice",
    ]  # fmt: skip


def _list_cells(
    columns: PredictionColumns, prediction: Prediction, truth: str | None, labels: Labels
) -> tuple[list[str], list[str]]:
    """The cells before those of the origin, and those behind them."""
    is_refused = prediction.refusal is not None
    own = columns.classes if columns.is_multilabel else ()
    blank = [""] * len(columns.classes)
    calibrated = [f"{value:.6f}" for value in prediction.calibrated] or blank
    return [
        defuse_cell(show_name(prediction.image)),
        prediction.status,
        defuse_cell(show_name(prediction.verdict)),
        *([f"{value:.6f}" for value in prediction.probabilities] or blank),
        *(calibrated if columns.is_calibrated else []),
        *("" if is_refused else str(int(name in prediction.decisions)) for name in own),
        defuse_cell(show_name(truth or "")),
        *(_show_label(labels.get(name)) for name in own),
    ], [
        prediction.refusal.reason if prediction.refusal else "",
        " ".join(warning.reason for warning in prediction.warnings),
        *(_show_unfamiliarity(prediction.unfamiliarity) if columns.has_unfamiliarity else []),
        prediction.bundle_digest[:12],
        prediction.engine,
        NOT_A_DEVICE,
    ]


def _show_unfamiliarity(one: Unfamiliarity | None) -> tuple[str, ...]:
    if one is None:
        return "", "", ""
    return f"{one.distance:.6f}", f"{one.p_value:.6f}", f"{one.limit:.6f}"


def _show_origin(columns: PredictionColumns, origin: Origin | None) -> tuple[str, ...]:
    if not columns.has_origins:
        return ()
    if origin is None:
        return "", "", ""
    fold = "" if origin.fold is None else str(origin.fold)
    return _show_cell(origin.patient), fold, _show_cell(origin.source)


def _show_label(label: int | None) -> str:
    return "" if label is None else str(label)


def tell_prediction(
    prediction: Prediction,
    truth: str | None = None,
    labels: Labels | None = None,
    origin: Origin | None = None,
) -> dict[str, object]:
    """Turn a prediction into plain JSON values, without its maps.

    Args:
        prediction: refused ones too.
        truth: the true class, where it is known.
        labels: as for `write_predictions`.
        origin: gives the keys `patient`, `fold` and `source`.
    """
    return {
        "image": to_plain(prediction.image),
        "status": prediction.status,
        "decision": to_plain(prediction.decision),
        "decisions": to_plain(prediction.decisions),
        "rule": prediction.operating_point.rule,
        "probabilities": to_plain(
            dict(zip(prediction.classes, prediction.probabilities, strict=False))
        ),
        "calibrated": to_plain(
            dict(zip(prediction.classes, prediction.calibrated, strict=False)) or None
        ),
        "flagged": to_plain(prediction.flagged),
        "thresholds": {
            to_plain(one.class_name): one.value for one in prediction.operating_point.thresholds
        },
        "logits": to_plain(dict(zip(prediction.classes, prediction.logits, strict=False))),
        "regions": to_plain(prediction.regions),
        "truth": to_plain(truth),
        "labels": to_plain(labels),
        **_tell_origin(origin),
        "unfamiliarity": to_plain(prediction.unfamiliarity),
        "warnings": to_plain(prediction.warnings),
        "refusal": to_plain(prediction.refusal),
        "model": prediction.bundle_digest,
        "engine": prediction.engine,
        "notice": NOT_A_DEVICE,
    }


def _tell_origin(origin: Origin | None) -> dict[str, object]:
    if origin is None:
        return {}
    return {field.name: to_plain(getattr(origin, field.name)) for field in fields(origin)}


def _show_cell(text: str | None) -> str:
    return defuse_cell(show_name(text or ""))


def defuse_cell(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would take for a formula and run.

    Example:
        >>> defuse_cell("=cmd()")
        "'=cmd()"
    """
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
