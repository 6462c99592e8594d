"""The answers of two files, and what is known of their images, become two tables to compare.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np

from cxrlens.data import StudyTable
from cxrlens.report.answers import Answers
from cxrlens.vocabulary import LabelMatrix, PredictionTable, TableError, show_name, suggest_renaming

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class AnswerPair:
    """Two models' answers for the same images."""

    first: PredictionTable
    """Of the model that is asked about."""

    second: PredictionTable
    """Of the other; the same images and truths."""

    notes: tuple[str, ...]
    """What a reader of the figures must know, one sentence each."""


def join_study(answers: Answers, study: StudyTable, names: Mapping[str, str]) -> Answers:
    """Add what a collection knows of the images: truths and patients.

    Images are found by their path as given, by their path from the collection's root, or, where
    none is found so, by their file name alone if that is unique.

    Args:
        answers: of one file.
        study: the collection; it may hold other images too.
        names: new names for classes, old to new.

    Returns:
        The answers with truths and patients.

    Raises:
        TableError: if no image is found, or the file and the collection say different things of
            an image; with its line.
    """
    table = answers.table
    rows, n_lost = _find_rows(answers, study)
    notes = list(answers.notes)
    if n_lost:
        notes.append(f"{answers.name}: {n_lost} of {len(rows)} images are not among the data")
    patients = tuple(study.patients[row] if row >= 0 else None for row in rows)
    if study.is_multilabel or table.labels is not None:
        known = replace(
            table,
            patients=patients,
            truth=np.full(len(rows), -1, dtype=np.int64),
            labels=_pick_labels(study, rows, table.classes, names),
        )
    else:
        known = replace(table, patients=patients, truth=_pick_truth(answers, study, rows, names))
    theirs = [f"the data of {show_name(image)!r}" for image in table.images]
    merged = _merge(table, known, (answers.places, theirs))
    return replace(answers, table=merged, notes=tuple(notes))


def pair_answers(first: Answers, second: Answers, *, common: bool = False) -> AnswerPair:
    """Bring the answers of two files together.

    What one of them knows of an image, its truth or patient, counts for both.

    Args:
        first: of the model that is asked about.
        second: of the other.
        common: leave out the images that only one of them answers for.

    Returns:
        Both on the same images.

    Raises:
        TableError: if they answer other classes, no image is common, an image is missing in one
            of them and `common` is not set, or they say different things of an image.
    """
    _check_classes(first, second)
    second, by_name = _match_names(first, second)
    notes = [*first.notes, *second.notes, *by_name]
    images = set(first.table.images) & set(second.table.images)
    for have, lack in ((first, second), (second, first)):
        alone = [row for row, one in enumerate(have.table.images) if one not in images]
        if not alone:
            continue
        told = f"{len(alone)} of {len(have.table.images)} images of {have.name}"
        if not common:
            raise TableError(
                f"{told} have no answer in {lack.name}, such as "
                f"{show_name(have.table.images[alone[0]])!r} ({have.places[alone[0]]}); give "
                "--common to compare on the common images alone"
            )
        notes.append(f"{told} have no answer in {lack.name} and are left out")
    ours, theirs = _take(first, images), _take(second, images)
    order = {image: row for row, image in enumerate(theirs.table.images)}
    rows = np.array([order[image] for image in ours.table.images])
    theirs = _arrange(theirs, rows, ours.table.classes)
    merged = _merge(ours.table, theirs.table, (ours.places, theirs.places))
    if all(one is None for one in merged.patients):
        notes.append(
            "no patient is known: each image counts as a patient of its own, which makes intervals "
            "too narrow if patients have several; name them in a column `patient`, or give DATA"
        )
    other = replace(
        theirs.table, patients=merged.patients, truth=merged.truth, labels=merged.labels
    )
    return AnswerPair(merged, other, tuple(dict.fromkeys(notes)))


def _check_classes(first: Answers, second: Answers) -> None:
    ours, theirs = first.table.classes, second.table.classes
    if sorted(ours) == sorted(theirs):
        return
    alone = [name for name in theirs if name not in ours] or list(theirs)
    wanted = [name for name in ours if name not in theirs] or list(ours)
    raise TableError(
        f"the two answer other classes: {first.name} {', '.join(map(show_name, ours))}, "
        f"{second.name} {', '.join(map(show_name, theirs))}, and {show_name(alone[0])!r} stands in "
        f"the second alone; {suggest_renaming(alone[0], wanted)}"
    )


def _match_names(first: Answers, second: Answers) -> tuple[Answers, list[str]]:
    """Call the images of the second as the first does, where only their folders differ."""
    ours, theirs = first.table.images, second.table.images
    if set(ours) & set(theirs):
        return second, []
    whole = _index_names(ours)
    found = [whole.get(_base(one)) for one in theirs]
    taken = Counter(one for one in found if one is not None)
    if not taken or max(taken.values()) > 1:
        raise TableError(
            f"no image is in both: {first.name} names {show_name(ours[0])!r}, {second.name} "
            f"{show_name(theirs[0])!r}; compare answers for the same images"
        )
    images = tuple(one or own for one, own in zip(found, theirs, strict=True))
    note = f"images were matched by their file names alone, such as {show_name(_base(theirs[0]))!r}"
    return replace(second, table=replace(second.table, images=images)), [note]


def _base(image: str) -> str:
    return PurePosixPath(image.replace("\\", "/")).name


def _index_names(images: Sequence[str]) -> dict[str, str]:
    """The image of each file name that only one of them has."""
    counts = Counter(map(_base, images))
    return {_base(one): one for one in images if counts[_base(one)] == 1}


def _find_rows(answers: Answers, study: StudyTable) -> tuple[list[int], int]:
    """The row of each image in a collection, -1 where it is not there; and how many are not."""
    images = answers.table.images
    places = {one: row for row, one in enumerate(study.relative_images)}
    places |= {one: row for row, one in enumerate(study.images)}
    rows = [places.get(image, -1) for image in images]
    if max(rows) < 0:
        whole = _index_names(study.images)
        rows = [places.get(whole.get(_base(image), ""), -1) for image in images]
    if max(rows) < 0:
        raise TableError(
            f"none of the {len(images)} images of {answers.name} is among the data: it names "
            f"{show_name(images[0])!r}, they {show_name(study.images[0])!r}; give the data that "
            "the predictions were made for"
        )
    return rows, rows.count(-1)


def _pick_truth(
    answers: Answers, study: StudyTable, rows: Sequence[int], names: Mapping[str, str]
) -> np.ndarray:
    classes = answers.table.classes
    truth = np.full(len(rows), -1, dtype=np.int64)
    for place, row in enumerate(rows):
        label = study.frame["label"].iloc[row] if row >= 0 else None
        if label is None:
            continue
        name = names.get(label, label)
        if name not in classes:
            raise TableError(
                f"the data have the classes {', '.join(map(show_name, study.classes))}, "
                f"{answers.name} answers {', '.join(map(show_name, classes))}, and not "
                f"{show_name(label)!r}; {suggest_renaming(label, classes)}"
            )
        truth[place] = classes.index(name)
    return truth


def _pick_labels(
    study: StudyTable, rows: Sequence[int], classes: Sequence[str], names: Mapping[str, str]
) -> LabelMatrix:
    """The labels of a collection for a file's classes; missing for those that it lacks."""
    labels = np.full((len(rows), len(classes)), np.nan, dtype=np.float32)
    columns = {names.get(name, name): column for name, column in study.class_to_idx.items()}
    found = np.array(rows)
    for place, name in enumerate(classes):
        if name in columns:
            own = study.label_matrix[np.maximum(found, 0), columns[name]]
            labels[:, place] = np.where(found >= 0, own, np.nan)
    return labels


def _take(answers: Answers, images: set[str]) -> Answers:
    rows = np.array([row for row, one in enumerate(answers.table.images) if one in images])
    return _arrange(answers, rows, answers.table.classes)


def _arrange(answers: Answers, rows: np.ndarray, classes: tuple[str, ...]) -> Answers:
    """Some rows in an order, with the classes in an order."""
    arranged = answers.table.arrange(rows, classes)
    return replace(answers, table=arranged, places=tuple(answers.places[row] for row in rows))


def _merge(
    first: PredictionTable,
    second: PredictionTable,
    places: tuple[Sequence[str], Sequence[str]],
) -> PredictionTable:
    """What either knows of each image; what they say differently is refused with its place."""
    if (first.labels is None) != (second.labels is None):
        first, second = _give_labels(first, places[0]), _give_labels(second, places[1])
    patients = _fill(first.patients, second.patients, "patient", places, lambda one: one is None)
    if first.labels is None or second.labels is None:
        truth = _fill(first.truths, second.truths, "truth", places, lambda one: one is None)
        indices = [-1 if name is None else first.classes.index(name) for name in truth]
        return replace(first, patients=tuple(patients), truth=np.array(indices, dtype=np.int64))
    labels = np.empty_like(first.labels)
    for column, name in enumerate(first.classes):
        ours, theirs = first.labels[:, column].tolist(), second.labels[:, column].tolist()
        what = f"label of {show_name(name)}"
        labels[:, column] = _fill(ours, theirs, what, places, lambda one: one != one)  # noqa: PLR0124 (NaN)
    return replace(first, patients=tuple(patients), labels=labels)


def _give_labels(table: PredictionTable, places: Sequence[str]) -> PredictionTable:
    """A table without any truth may have several labels an image."""
    if table.labels is not None:
        return table
    known = np.flatnonzero(table.truth >= 0)
    if known.size:
        raise TableError(
            f"{places[known[0]]} names one truth an image, the other several labels an image; "
            "compare models that answer alike"
        )
    return replace(table, labels=np.full(table.logits.shape, np.nan, dtype=np.float32))


def _fill(
    ours: Sequence[T],
    theirs: Sequence[T],
    what: str,
    places: tuple[Sequence[str], Sequence[str]],
    is_unknown: Callable[[T], bool],
) -> list[T]:
    filled = []
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if not is_unknown(one) and not is_unknown(other) and one != other:
            # a patient's identifier stands in no message
            said = ("one", "another") if what == "patient" else (repr(one), repr(other))
            raise TableError(
                f"the {what} differs: {places[0][row]} says {said[0]}, {places[1][row]} {said[1]}; "
                "put it right, or compare answers for the same images"
            )
        filled.append(other if is_unknown(one) else one)
    return filled
