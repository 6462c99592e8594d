"""Predictions become a table in a file.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import NOT_A_DEVICE, Prediction, show_name, to_plain

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that starts so for a formula and runs it."""


def write_predictions(
    folder: Path, predictions: Sequence[Prediction], truths: Sequence[str | None] | None = None
) -> tuple[Path, Path]:
    """Write `predictions.csv`, for spreadsheets, and `predictions.jsonl`, for programs.

    In the CSV a file name that starts like a formula has an apostrophe before it; the JSON lines
    hold names as they are. Bytes of names that are no valid UTF-8 are shown as hexadecimal.

    Args:
        folder: where to; must exist.
        predictions: one row each, refused ones too.
        truths: the true class of each, where it is known.

    Returns:
        The CSV and the JSON lines file.

    Raises:
        OutputError: if the folder cannot be written.
    """
    known = truths if truths is not None else [None] * len(predictions)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(_list_rows(predictions, known))
    lines = (
        json.dumps(tell_prediction(prediction, truth), ensure_ascii=True, allow_nan=False) + "\n"
        for prediction, truth in zip(predictions, known, strict=True)
    )
    paths = folder / "predictions.csv", folder / "predictions.jsonl"
    write_whole(paths[0], text.getvalue().encode())
    write_whole(paths[1], "".join(lines).encode())
    return paths


def _list_rows(
    predictions: Sequence[Prediction], truths: Iterable[str | None]
) -> Iterator[list[str]]:
    classes = predictions[0].classes if predictions else ()
    shown = [_defuse(show_name(name)) for name in classes]
    probabilities = [f"probability {name}" for name in shown]
    yield ["image", "status", "decision", *probabilities, "truth", "reason", "warnings",
           "model", "notice"]  # fmt: skip
    for prediction, truth in zip(predictions, truths, strict=True):
        yield [
            _defuse(show_name(prediction.image)),
            prediction.status,
            _defuse(show_name(prediction.decision or "")),
            *([f"{value:.6f}" for value in prediction.probabilities] or [""] * len(classes)),
            _defuse(show_name(truth or "")),
            prediction.refusal.reason if prediction.refusal else "",
            " ".join(warning.reason for warning in prediction.warnings),
            prediction.bundle_digest[:12],
            NOT_A_DEVICE,
        ]


def tell_prediction(prediction: Prediction, truth: str | None = None) -> dict[str, object]:
    """Turn a prediction into plain JSON values, without its maps.

    Args:
        prediction: refused ones too.
        truth: the true class, where it is known.
    """
    return {
        "image": to_plain(prediction.image),
        "status": prediction.status,
        "decision": to_plain(prediction.decision),
        "rule": prediction.operating_point.rule,
        "probabilities": to_plain(
            dict(zip(prediction.classes, prediction.probabilities, strict=False))
        ),
        "logits": to_plain(dict(zip(prediction.classes, prediction.logits, strict=False))),
        "regions": to_plain(prediction.regions),
        "truth": to_plain(truth),
        "warnings": to_plain(prediction.warnings),
        "refusal": to_plain(prediction.refusal),
        "model": prediction.bundle_digest,
        "notice": NOT_A_DEVICE,
    }


def _defuse(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
