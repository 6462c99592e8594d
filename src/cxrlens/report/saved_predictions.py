"""Predictions that a run has written are read back.

SPDX-License-Identifier: Apache-2.0
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from cxrlens.vocabulary import Decisions, InputError, LabelMatrix, PredictionTable, show_name

_NEEDED = ("image", "probabilities", "logits", "truth", "labels", "patient", "fold", "source")

_Line = dict[str, Any]
"""What `tell_prediction` gives."""


@dataclass(frozen=True, eq=False)
class SavedPredictions:
    """What a run answered."""

    table: PredictionTable
    """The images that were answered for, as `evaluation` reads them; refused ones are left out."""

    sources: tuple[str | None, ...]
    """The source of each row; None means unknown."""


def read_predictions(folder: Path) -> SavedPredictions:
    """Read `predictions.jsonl` of a run folder.

    Args:
        folder: of a finished `cxrlens train` or `cxrlens evaluate`.

    Returns:
        The answers with truths, patients, folds and sources.

    Raises:
        InputError: if there is no such file, a line is no prediction, or it says nothing of
            patients and folds (as what `cxrlens predict` writes).
        TableError: if the columns do not fit together.
    """
    path = folder / "predictions.jsonl"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read '{show_name(str(path))}': {error.strerror}; give the folder of a "
            "finished run of train or evaluate"
        ) from error
    lines = [_read_line(line, path, n) for n, line in enumerate(text.splitlines(), start=1)]
    told = [line for line in lines if line.get("refusal") is None]
    if not told:
        raise InputError(f"'{show_name(str(path))}' holds no answer; give another run")
    return SavedPredictions(_build_table(told), tuple(line["source"] for line in told))


def _read_line(line: bytes, path: Path, number: int) -> _Line:
    where = f"line {number} of '{show_name(str(path))}'"
    try:
        told = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where} is no JSON ({error}); give the folder of a run") from error
    missing = [name for name in _NEEDED if not isinstance(told, dict) or name not in told]
    if missing and not (isinstance(told, dict) and told.get("refusal")):
        raise InputError(
            f"{where} does not say {', '.join(missing)}; give the folder of a run of train or "
            "evaluate by this version"
        )
    return dict(told)


def _build_table(told: Sequence[_Line]) -> PredictionTable:
    classes = tuple(told[0]["probabilities"])
    indices = {name: index for index, name in enumerate(classes)}
    is_multilabel = any(line["labels"] is not None for line in told)
    # earlier versions wrote neither
    is_calibrated = all(line.get("calibrated") for line in told)
    is_decided = all(
        "decisions" in line if is_multilabel else line.get("decisions") for line in told
    )
    truth = [-1 if is_multilabel else indices.get(line["truth"], -1) for line in told]
    return PredictionTable(
        classes=classes,
        images=tuple(line["image"] for line in told),
        patients=tuple(line["patient"] for line in told),
        truth=np.array(truth, dtype=np.int64),
        logits=_gather(told, "logits", classes),
        probabilities=_gather(told, "probabilities", classes),
        folds=np.array([(line["fold"] or 1) - 1 for line in told], dtype=np.int64),
        labels=_gather_labels(told, classes) if is_multilabel else None,
        calibrated=_gather(told, "calibrated", classes) if is_calibrated else None,
        decisions=_gather_decisions(told, classes) if is_decided else None,
    )


def _gather(told: Sequence[_Line], name: str, classes: Sequence[str]) -> Float64[np.ndarray, "n k"]:
    return np.array([[line[name][one] for one in classes] for line in told], dtype=np.float64)


def _gather_decisions(told: Sequence[_Line], classes: Sequence[str]) -> Decisions:
    return np.array([[name in line["decisions"] for name in classes] for line in told])


def _gather_labels(told: Sequence[_Line], classes: Sequence[str]) -> LabelMatrix:
    rows = [[(line["labels"] or {}).get(name) for name in classes] for line in told]
    # None becomes NaN
    return np.array(rows, dtype=np.float32)
