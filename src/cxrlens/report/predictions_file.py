"""Predictions become a table in a file.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import NOT_A_DEVICE, Prediction, show_name, to_plain

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


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that starts so for a formula and runs it."""


def write_predictions(
    folder: Path,
    predictions: Sequence[Prediction],
    truths: Sequence[str | None] | None = None,
    labels: Sequence[Labels] | None = None,
    origins: Sequence[Origin] | None = None,
) -> tuple[Path, Path]:
    """Write `predictions.csv`, for spreadsheets, and `predictions.jsonl`, for programs.

    In the CSV a file name that starts like a formula has an apostrophe before it; the JSON lines
    hold names as they are. Bytes of names that are no valid UTF-8 are shown as hexadecimal.

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
    known = truths if truths is not None else [None] * len(predictions)
    by_class = labels if labels is not None else [None] * len(predictions)
    places = origins if origins is not None else [None] * len(predictions)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(_list_rows(predictions, known, by_class, origins))
    lines = (
        json.dumps(tell_prediction(*told), ensure_ascii=True, allow_nan=False) + "\n"
        for told in zip(predictions, known, by_class, places, strict=True)
    )
    paths = folder / "predictions.csv", folder / "predictions.jsonl"
    write_whole(paths[0], text.getvalue().encode())
    write_whole(paths[1], "".join(lines).encode())
    return paths


def _list_rows(
    predictions: Sequence[Prediction],
    truths: Iterable[str | None],
    labels: Iterable[Labels | None],
    origins: Sequence[Origin] | None,
) -> Iterator[list[str]]:
    classes = predictions[0].classes if predictions else ()
    shown = [_defuse(show_name(name)) for name in classes]
    probabilities = [f"probability {name}" for name in shown]
    # A bundle without a calibration has no such columns; a refused image leaves them empty.
    n_calibrated = max((len(one.calibrated) for one in predictions), default=0)
    calibrated = [f"calibrated {name}" for name in shown[:n_calibrated]]
    # Where each class is decided for on its own, each has its own columns.
    own = classes if predictions and predictions[0].is_multilabel else ()
    decided = [f"decided {name}" for name in shown[: len(own)]]
    labelled = [f"label {name}" for name in shown[: len(own)]]
    yield ["image", "status", "decision", *probabilities, *calibrated, *decided, "truth", *labelled,
           *([] if origins is None else ["patient", "fold", "source"]),
           "reason", "warnings", "model", "notice"]  # fmt: skip
    places = origins if origins is not None else [None] * len(predictions)
    for prediction, truth, known, origin in zip(predictions, truths, labels, places, strict=True):
        is_refused = prediction.refusal is not None
        yield [
            _defuse(show_name(prediction.image)),
            prediction.status,
            _defuse(show_name(prediction.verdict)),
            *([f"{value:.6f}" for value in prediction.probabilities] or [""] * len(classes)),
            *([f"{value:.6f}" for value in prediction.calibrated] or [""] * n_calibrated),
            *("" if is_refused else str(int(name in prediction.decisions)) for name in own),
            _defuse(show_name(truth or "")),
            *(_show_label((known or {}).get(name)) for name in own),
            *(() if origin is None else _show_origin(origin)),
            prediction.refusal.reason if prediction.refusal else "",
            " ".join(warning.reason for warning in prediction.warnings),
            prediction.bundle_digest[:12],
            NOT_A_DEVICE,
        ]


def _show_origin(origin: Origin) -> tuple[str, str, str]:
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
        "warnings": to_plain(prediction.warnings),
        "refusal": to_plain(prediction.refusal),
        "model": prediction.bundle_digest,
        "notice": NOT_A_DEVICE,
    }


def _tell_origin(origin: Origin | None) -> dict[str, object]:
    if origin is None:
        return {}
    return {field.name: to_plain(getattr(origin, field.name)) for field in fields(origin)}


def _show_cell(text: str | None) -> str:
    return _defuse(show_name(text or ""))


def _defuse(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
