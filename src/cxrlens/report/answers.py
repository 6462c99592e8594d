"""A file of predictions becomes a prediction table.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from cxrlens.data import LabelFile, read_known, read_state
from cxrlens.report.prediction_cells import read_prediction_cells
from cxrlens.vocabulary import (
    ClassIndices,
    Decisions,
    PredictionTable,
    TableError,
    show_name,
    suggest,
)

_ROLES: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "imagepath", "path", "filepath", "filename", "file", "imagename",
              "imageindex", "imageid"),
    "truth": ("truth", "true", "ytrue", "groundtruth", "label", "labels", "target", "class"),
    "patient": ("patient", "patientid", "subject", "subjectid"),
    "fold": ("fold",),
    "source": ("source", "site", "hospital", "dataset", "institution"),
}  # fmt: skip
"""Names of columns in lower case without spaces and signs, the likeliest first."""

_PASSED_OVER = {
    "status", "decision", "decisions", "prediction", "predicted", "ypred", "reason", "warnings",
    "refusal", "model", "engine", "notice", "rule", "split", "view", "sex", "age",
}  # fmt: skip
"""Columns that are no class where classes go by their plain names."""

_PROBABILITY = re.compile(r"(?:probability|prob)[ _:](.+)", re.IGNORECASE)
_LABEL = re.compile(r"label[ _:](.+)", re.IGNORECASE)
_DECIDED = re.compile(r"decided[ _:](.+)", re.IGNORECASE)
_OTHER = re.compile(r"(?:label|decided|calibrated|logit)[ _:].+|column \d+", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Answers:
    """What one file of predictions says."""

    table: PredictionTable
    """The images that were answered for; truths and patients as far as the file names them."""

    places: tuple[str, ...]
    """Where each row stands, such as `line 7 of 'a.csv'`."""

    name: str
    """The file, as messages show it."""

    notes: tuple[str, ...] = ()
    """What a reader of the figures must know, one sentence each."""


def read_answers(path: Path, names: Mapping[str, str] | None = None) -> Answers:
    """Read a file of predictions, ours or anybody's.

    One row an image: a column that names it, one column a class with its probability (named
    `probability CLASS`, or by the class alone), and, if known, the true class (`truth`), the
    patient, the fold whose model answered, and the source. Where an image may have several classes
    there is one column `label CLASS` a class in place of `truth`: 1 there, 0 not there, -1
    uncertain, blank missing. A model's own decisions are taken from one column `decided CLASS` a
    class (1 or 0), or from a column `decision` that names a class in every row; without them the
    likeliest class is decided for. Rows with the status `refused` are left out.

    Args:
        path: as for `read_prediction_cells`.
        names: new names for classes, old to new; those that the file has not are passed over.

    Returns:
        The table; where the file names no logits, they are the logarithms of the probabilities.

    Raises:
        TableError: with the line, if an image is not named or named twice, a probability is none,
            a truth is no class, or a column `decided CLASS` holds no 1 or 0; if there is no
            column for the images or no class.
    """
    file = read_prediction_cells(path)
    shown = file.name if not path.is_dir() else repr(show_name(str(path)))
    roles = _find_roles(file)
    columns = _find_classes(file, roles, names or {})
    refused = np.array(
        [one == "refused" for one in file.frame.get("status", [""] * len(file.lines))]
    )
    if refused.all():
        raise TableError(f"{shown} holds no answer: all {len(refused)} rows are refused")
    rows = file.take(~refused)
    images = _read_images(rows, roles["image"])
    probabilities = _read_probabilities(rows, columns)
    classes = tuple(columns)
    labels = _read_labels(rows, classes, roles, names or {})
    nothing = np.full(len(images), -1, dtype=np.int64)
    table = PredictionTable(
        classes=classes,
        images=images,
        patients=_read_words(rows, roles.get("patient")),
        truth=_read_truth(rows, classes, roles, names or {}) if labels is None else nothing,
        logits=np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)),
        probabilities=probabilities,
        folds=_read_folds(rows, roles.get("fold")),
        labels=labels,
        decisions=_read_decisions(rows, classes, names or {}),
    )
    notes = [*file.notes]
    if table.decisions is None and "decision" in rows.header:
        notes.append(
            f"{shown}: the column 'decision' does not name a class in every row and is passed "
            "over; the probabilities decide"
        )
    if refused.any():
        notes.append(f"{shown}: {int(refused.sum())} images were refused and have no answer")
    places = tuple(rows.place(row) for row in range(len(images)))
    return Answers(table, places, shown, tuple(notes))


def _find_roles(file: LabelFile) -> dict[str, str]:
    simple = {re.sub(r"[\W_]+", "", name).lower(): name for name in reversed(file.header)}
    roles = {
        role: next((simple[one] for one in usual if one in simple), None)
        for role, usual in _ROLES.items()
    }
    if roles["image"] is None:
        raise TableError(
            f"{file.name} has no column that names the images; its columns are: "
            f"{', '.join(map(show_name, file.header[:20]))}; call one `image`"
        )
    return {role: name for role, name in roles.items() if name is not None}


def _find_classes(
    file: LabelFile, roles: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, str]:
    """The column of each class."""
    found = [(match[1], name) for name in file.header if (match := _PROBABILITY.fullmatch(name))]
    if not found:
        found = [(name, name) for name in _list_rest(file, roles)]
    if not found:
        raise TableError(
            f"{file.name} has no column of probabilities; its columns are: "
            f"{', '.join(map(show_name, file.header[:20]))}; give one `probability CLASS` a class"
        )
    columns: dict[str, str] = {}
    for own, column in found:
        name = names.get(own, own)
        if name in columns:
            raise TableError(
                f"{file.name} would have two columns for the class {show_name(name)!r} after "
                f"--map: {show_name(columns[name])!r} and {show_name(column)!r}; rename one only"
            )
        columns[name] = column
    return columns


def _list_rest(file: LabelFile, roles: Mapping[str, str]) -> Iterator[str]:
    for name in file.header:
        simple = re.sub(r"[\W_]+", "", name).lower()
        if name not in roles.values() and simple not in _PASSED_OVER and not _OTHER.fullmatch(name):
            yield name


def _read_images(file: LabelFile, column: str) -> tuple[str, ...]:
    first: dict[str, int] = {}
    for row, image in enumerate(file.frame[column]):
        if not image.strip():
            raise TableError(f"{file.place(row)} names no image: fill the column {column!r} in")
        if first.setdefault(image, row) != row:
            raise TableError(
                f"{file.place(row)} answers for {show_name(image)!r} once more, after "
                f"{file.unit} {file.lines[first[image]]}: keep one answer an image"
            )
    return tuple(first)


def _read_probabilities(file: LabelFile, columns: Mapping[str, str]) -> Float64[np.ndarray, "n k"]:
    values = np.empty((len(file.lines), len(columns)))
    for place, (name, column) in enumerate(columns.items()):
        for row, cell in enumerate(file.frame[column]):
            values[row, place] = _read_probability(cell, file, row, name)
    return values


def _read_probability(cell: str, file: LabelFile, row: int, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if 0 <= value <= 1:
        return value
    what = "outside [0, 1]" if np.isfinite(value) else "no number"
    raise TableError(
        f"{file.place(row)} gives {show_name(name)} the probability {cell!r}, which is {what}; "
        "give numbers from 0 to 1 (no logits or percentages), and call columns of classes "
        "`probability CLASS` if this is none"
    )


def _read_truth(
    file: LabelFile, classes: Sequence[str], roles: Mapping[str, str], names: Mapping[str, str]
) -> ClassIndices:
    if "truth" not in roles:
        return np.full(len(file.lines), -1, dtype=np.int64)
    indices = {name: index for index, name in enumerate(classes)}
    truth = []
    for row, cell in enumerate(file.frame[roles["truth"]]):
        word = names.get(cell, cell)
        if word.strip() and word not in indices:
            raise TableError(
                f"{file.place(row)} names the truth {show_name(cell)!r}, which is no class; rename "
                f"it with --map, or leave it blank if not known; {suggest(word, classes)}"
            )
        truth.append(indices.get(word, -1))
    return np.array(truth, dtype=np.int64)


def _read_labels(
    file: LabelFile, classes: Sequence[str], roles: Mapping[str, str], names: Mapping[str, str]
) -> Float32[np.ndarray, "n k"] | None:
    """One column a class, where there are such columns."""
    columns = {
        names.get(match[1], match[1]): name
        for name in file.header
        if name not in roles.values() and (match := _LABEL.fullmatch(name))
    }
    if not set(columns) & set(classes):
        return None
    labels = np.full((len(file.lines), len(classes)), np.nan, dtype=np.float32)
    for place, name in enumerate(classes):
        for row, cell in enumerate(file.frame[columns[name]] if name in columns else ()):
            state = read_state(cell)
            if state is None:
                raise TableError(
                    f"{file.place(row)} labels {show_name(name)} with {cell!r}; give 1 there, 0 "
                    "not there, -1 uncertain, or nothing"
                )
            labels[row, place] = state
    return None if np.isnan(labels).all() and "truth" in roles else labels


def _read_decisions(
    file: LabelFile, classes: Sequence[str], names: Mapping[str, str]
) -> Decisions | None:
    """What the model itself decided, where the file says so of every class."""
    columns = {
        names.get(match[1], match[1]): name
        for name in file.header
        if (match := _DECIDED.fullmatch(name))
    }
    if set(classes) <= set(columns):
        cells = [file.frame[columns[name]].tolist() for name in classes]
        return np.array(
            [[_read_decided(cell, file, row) for cell in each]
             for row, each in enumerate(zip(*cells, strict=True))]
        )  # fmt: skip
    if "decision" not in file.header:
        return None
    words = [names.get(cell, cell) for cell in file.frame["decision"]]
    if not set(words) <= set(classes):
        return None
    return np.array([[name == word for name in classes] for word in words])


def _read_decided(cell: str, file: LabelFile, row: int) -> bool:
    state = read_state(cell)
    if state not in (0, 1):
        raise TableError(f"{file.place(row)} has {cell!r} in a column `decided CLASS`; give 1 or 0")
    return state == 1


def _read_words(file: LabelFile, column: str | None) -> tuple[str | None, ...]:
    if column is None:
        return (None,) * len(file.lines)
    return tuple(read_known(cell) for cell in file.frame[column])


def _read_folds(file: LabelFile, column: str | None) -> ClassIndices:
    if column is None:
        return np.zeros(len(file.lines), dtype=np.int64)
    _, codes = np.unique(file.frame[column].to_numpy(dtype=str), return_inverse=True)
    return np.asarray(codes, dtype=np.int64)
