"""What tells the classes apart without the lungs: a family of controls, judged together.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cxrlens.audit.crossfit import (
    Answers,
    Features,
    Question,
    answer,
    answer_shuffled,
    measure_macro,
)
from cxrlens.audit.looking import Collection, Look
from cxrlens.evaluation import judge_learnt_control
from cxrlens.vocabulary import Shortcut

LIMIT = 0.6
"""A control that reaches this macro AUROC, and not by chance, is a shortcut that a model will
find."""

LEVEL = 0.05
"""Of chance, over the whole family."""

N_SHUFFLES = 200
"""Shuffles of the labels that tell what chance gives."""

MOST_WORDS = 12
"""Commonest values of a header fact that get a feature of their own."""

_BINS = 8
"""Equal parts into which a number is cut, beside its logarithm."""

HULL, THUMBNAIL, BORDER = "lung hull's shape", "32-pixel thumbnail", "border, lungs blacked out"


@dataclass(frozen=True, eq=False)
class Clue:
    """What a control sees of the images."""

    name: str
    """What was looked at."""

    features: Features
    """One row an image."""

    is_control: bool
    """Whether it belongs to the family; a baseline may show disease as well."""


@dataclass(frozen=True, eq=False)
class Finding:
    """A judged clue, with its answers."""

    shortcut: Shortcut
    """As it is told."""

    answers: Answers
    """Cross-fitted by patient."""


def list_clues(collection: Collection) -> tuple[list[Clue], list[str]]:
    """List what can be tested.

    Args:
        collection: as looked at.

    Returns:
        Clues that differ between images, and a sentence for each that could not be tested.
    """
    headers = _describe_headers(collection.looks)
    clues = [Clue(name, features, True) for name, features in headers.items()]
    clues.append(Clue("all header facts", np.concatenate(list(headers.values()), axis=1), True))
    frame, untested = collection.table.frame, []
    for column in ("source", "view"):
        values = ["unknown" if value is None else str(value) for value in frame[column]]
        if set(values) == {"unknown"}:
            untested.append(f"{column}: not tested, since the table has no column for it")
        clues.append(Clue(column, _spread_words(values), True))
    clues.append(Clue(BORDER, _describe_border(collection), True))
    signs = np.stack([look.signs for look in collection.looks]).astype(np.float64)
    signs = signs.reshape(len(signs), -1)
    total = signs.sum(axis=1, keepdims=True)
    clues.append(Clue("burned-in text", np.hstack([signs > 0.01, signs, total, total > 0]), True))
    clues.append(Clue(HULL, _halve(collection.hulls, 4).reshape(len(signs), -1), False))
    thumbs = _halve(collection.squares, 2).reshape(len(signs), -1)
    clues.append(Clue(THUMBNAIL, thumbs, False))
    flat = [clue.name for clue in clues if not clue.features.std(axis=0).any()]
    told = [f"{name}: the same for all images" for name in flat if name not in ("source", "view")]
    is_one = [
        f"{name}: the same for all images"
        for name in ("source", "view")
        if name in flat and not any(line.startswith(f"{name}:") for line in untested)
    ]
    return [clue for clue in clues if clue.name not in flat], [*untested, *is_one, *told]


def _describe_headers(looks: Sequence[Look]) -> Mapping[str, Features]:
    n_bytes = np.array([look.n_bytes for look in looks], dtype=np.float64)
    sizes = np.array([look.size for look in looks], dtype=np.float64)
    n_pixels = sizes.prod(axis=1)
    words = {
        "file type": [look.facts.kind for look in looks],
        "colour": [look.facts.colours for look in looks],
        "bit depth": [str(look.facts.bits) for look in looks],
        "JPEG tables": [look.facts.tables for look in looks],
    }
    return {
        "file bytes": np.hstack([_spread_number(n_bytes), _spread_number(n_bytes / n_pixels)]),
        "image size": np.hstack(
            [_spread_number(n_pixels), _spread_words([str(look.size) for look in looks])]
        ),
        "aspect ratio": _spread_number(sizes[:, 1] / sizes[:, 0]),
        **{name: _spread_words(values) for name, values in words.items()},
    }


def _spread_words(values: Sequence[str]) -> Features:
    """A column for each of the commonest words."""
    names, place, counts = np.unique(np.array(values), return_inverse=True, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:MOST_WORDS]
    return np.asarray(place[:, None] == common[None, : len(names)], dtype=np.float64)


def _spread_number(values: Float64[np.ndarray, " n"]) -> Features:
    """Its logarithm, and in which equal part of all it lies."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    parts = np.searchsorted(edges, values)
    bins = parts[:, None] == np.arange(len(edges) + 1)[None, :]
    return np.hstack([np.log(values)[:, None], bins.astype(np.float64)])


def _describe_border(collection: Collection) -> Features:
    """What lies outside the hull, 16 x 16 cells, and its greys and grain.

    What the hull hides is filled with the collection's mean at that place, so that a linear
    classifier sees as little of the hull's shape as can be.
    """
    outside = ~collection.hulls
    squares = np.where(outside, collection.squares.astype(np.float64), 0)
    weight = _halve(outside, 4)
    greys = np.divide(
        _halve(squares, 4), weight, out=np.zeros_like(weight), where=weight > 0
    ).reshape(len(squares), -1)
    is_seen = (weight > 0.5).reshape(len(squares), -1)
    count = np.maximum(is_seen.sum(axis=0), 1)
    mean = (greys * is_seen).sum(axis=0) / count
    filled = np.where(is_seen, greys, mean)
    textures = np.stack([look.textures for look in collection.looks]).astype(np.float64)
    often = is_seen.mean(axis=0) > 0.5
    return np.hstack([filled[:, often], textures])


def _halve(pictures: np.ndarray, step: int) -> Float64[np.ndarray, "n rows cols"]:
    n, side, _ = pictures.shape
    cut = pictures.astype(np.float64).reshape(n, side // step, step, side // step, step)
    return np.asarray(cut.mean(axis=(2, 4)))


def judge_clues(
    clues: Sequence[Clue], question: Question, classes: Sequence[str]
) -> tuple[Finding, ...]:
    """Judge clues together.

    Each is answered from, patients apart; the same shuffles of the labels among patients tell for
    all of them what the largest of the family comes to by chance.

    Args:
        clues: what is seen.
        question: with shuffles.
        classes: names of the columns.

    Returns:
        One a clue, in their order; alarms are set for controls that reach `LIMIT` and are not by
        chance at `LEVEL`.

    Source:
        Westfall and Young, Resampling-Based Multiple Testing, 1993, §2.6 (maximum of the
        standardised statistics of a family).
    """
    answers = [answer(clue.features, question) for clue in clues]
    values = np.array([_measure(one, question) for one in answers])
    chance = np.array(
        [
            answer_shuffled(clue.features, question)
            if clue.is_control
            else np.full(question.shuffles.shape[1], np.nan)
            for clue in clues
        ]
    )
    p_values = _judge_family(values, chance, [clue.is_control for clue in clues])
    return tuple(
        Finding(_tell(clue, one, p, question, classes), one)
        for clue, one, p in zip(clues, answers, p_values, strict=True)
    )


def _measure(answers: Answers, question: Question) -> float:
    layers = answers[:, :, None], question.labels[:, :, None], question.folds
    return float(measure_macro(*layers)[0])


def _judge_family(
    values: Float64[np.ndarray, " clues"],
    chance: Float64[np.ndarray, "clues b"],
    is_control: Sequence[bool],
) -> list[float | None]:
    rows = np.flatnonzero(is_control)
    if not len(rows) or chance.shape[1] < 2:
        return [None] * len(values)
    mean = chance[rows].mean(axis=1)
    spread = np.maximum(chance[rows].std(axis=1), 1e-6)
    largest = ((chance[rows] - mean[:, None]) / spread[:, None]).max(axis=0)
    far = (values[rows] - mean) / spread
    p_values: list[float | None] = [None] * len(values)
    for row, one in zip(rows.tolist(), far.tolist(), strict=True):
        p_values[row] = (1 + int((largest >= one).sum())) / (1 + chance.shape[1])
    return p_values


def _tell(
    clue: Clue, answers: Answers, p_value: float | None, question: Question, classes: Sequence[str]
) -> Shortcut:
    control = judge_learnt_control(
        clue.name, answers, question.labels, classes, question.clusters, question.folds
    )
    value = control.auroc.value
    is_alarming = p_value is not None and value is not None and p_value <= LEVEL and value >= LIMIT
    return Shortcut(clue.name, control.auroc, p_value, is_alarming)
