"""A model's answers for a labelled table are judged.

SPDX-License-Identifier: Apache-2.0
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrlens.data import StudyTable, fingerprint, read_table
from cxrlens.evaluation import (
    CalibrationReport,
    Control,
    Evaluation,
    MapEvaluation,
    OperatingReport,
    judge,
    judge_calibration,
    judge_category_control,
    judge_control,
    judge_maps,
    judge_operating,
    score_heatmap,
)
from cxrlens.imaging import read_mask
from cxrlens.inference import PreparedTable, prepare
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.vocabulary import (
    PHANTOM_MODEL,
    UNKNOWN_TRAINING,
    BundleError,
    ClassIndices,
    LabelMatrix,
    OperatingPoint,
    Prediction,
    PredictionTable,
    Progress,
    Refusal,
    Silence,
    TableError,
    show_name,
    suggest_renaming,
)


@dataclass(frozen=True, eq=False)
class Examination:
    """A model's answers for a table, and how good they are."""

    evaluation: Evaluation
    """How well the classes are told apart."""

    maps: MapEvaluation | None
    """Whether the maps point at the finding; None where no image has a mask."""

    controls: tuple[Control, ...]
    """How well the classes are told apart without looking at the images."""

    calibration: CalibrationReport
    """Whether the probabilities may be taken at their word, raw and calibrated."""

    operating: tuple[OperatingReport, ...]
    """What the models' own decision came to on these cases; after a training also what thresholds
    that were chosen on validation did."""

    predictions: tuple[Prediction, ...]
    """One answer a row, in the order of `table`."""

    table: PredictionTable
    """What the figures were computed from."""

    rows: StudyTable
    """The images that were answered for, in the order of `table`, with all that is known."""

    is_phantom: bool
    """Whether drawn images are among them."""

    fingerprint: str
    """SHA-256 of the images and labels that the table was read from."""

    refusals: tuple[Refusal, ...]
    """Files that were left out, and why."""

    notes: tuple[str, ...]
    """What a reader of the figures must know, one sentence each."""

    n_seen: int = 0
    """Images left out since the model was trained on them."""

    @property
    def sources(self) -> tuple[str | None, ...]:
        """Where the image of each row comes from; None means unknown."""
        return tuple(self.rows.frame["source"])

    @property
    def masks(self) -> tuple[str | None, ...]:
        """The mask file of each row; None where there is none."""
        return tuple(self.rows.frame["mask"])


def evaluate(model: Model, data: StudyTable | PathLike) -> Evaluation:
    """Judge a model on labelled data: every figure with its interval.

    Args:
        model: any.
        data: a table, or what `read_table` reads; all of it is used, but for the files that the
            model was trained on.

    Raises:
        BundleError: if the data have a class that the model does not know; of a model that decides
            for each class on its own, if they have none that it knows.
        TableError: if nothing is left to judge on, or the data have several labels an image and
            the model decides for one class.
    """
    return examine(model, data).evaluation


def examine(
    model: Model, data: StudyTable | PathLike, *, progress: Progress | None = None
) -> Examination:
    """Judge a model on labelled data, and keep its answers beside the figures.

    Args:
        model: any.
        data: as for `evaluate`.
        progress: is told of every step.

    Raises:
        BundleError: as for `evaluate`.
        TableError: as for `evaluate`.
    """
    answered = answer_table(model, data, progress or Silence())
    folds = np.zeros(len(answered.rows), dtype=np.int64)
    points = [[model.bundle.record.operating_point]]
    judged = judge_answers(answered.prepared, answered.rows, answered.answers, folds, points)
    return replace(judged, n_seen=answered.n_seen)


@dataclass(frozen=True, eq=False)
class Answered:
    """A table that a model has answered for."""

    prepared: PreparedTable
    """Decoded, with the notes that concern the model and the data."""

    rows: ClassIndices
    """The rows that it never saw."""

    answers: tuple[Prediction, ...]
    """One a row of `rows`."""

    n_seen: int
    """Images that it was trained on or calibrated with, which are left out."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the images and labels that the table was read from."""
        return fingerprint(self.prepared.table, self.prepared.images.digests)


def answer_table(model: Model, data: StudyTable | PathLike, progress: Progress) -> Answered:
    """Answer for the images of a table that the model never saw.

    Args:
        model: any.
        data: as for `evaluate`, which raises what this raises.
        progress: is told of every step.
    """
    table = data if isinstance(data, StudyTable) else read_table(data)
    class_notes = match_classes(model, table)
    prepared = prepare(table, model.bundle.record.preprocessing, progress)
    seen = np.array([digest in model.bundle.seen for digest in prepared.images.digests])
    rows = np.flatnonzero(~seen)
    if len(rows) == 0:
        raise TableError(
            f"all {len(seen)} images were used to train or calibrate this model; evaluate it on "
            "others"
        )
    notes = [*prepared.table.notes, *class_notes]
    if seen.any():
        notes.append(
            f"{int(seen.sum())} of {len(seen)} images were used to train this model or to "
            "calibrate it (the same bytes) and are left out; other images of the same patients "
            "cannot be recognised"
        )
    if model.bundle.record.data.is_phantom:
        notes.append(PHANTOM_MODEL)
    if not model.bundle.record.data.is_known:
        notes.append(UNKNOWN_TRAINING)
    answers = model.answer_rows(prepared, rows, progress)
    examined = replace(prepared, table=replace(prepared.table, notes=tuple(notes)))
    return Answered(examined, rows, answers, int(seen.sum()))


def match_classes(model: Model, table: StudyTable) -> list[str]:
    """Refuse data that cannot be compared with the answers; note what is left out of them.

    Args:
        model: any.
        table: the data.

    Returns:
        What has no figures, one sentence each.

    Raises:
        BundleError: as for `evaluate`.
        TableError: if the data have several labels an image and the model decides for one class.
    """
    is_multilabel = model.bundle.record.is_multilabel
    if table.is_multilabel and not is_multilabel:
        raise TableError(
            f"the data have several labels an image ({', '.join(table.classes[:3])} …), the model "
            "decides for one of its classes; choose one, such as "
            f"--column label={shlex.quote(table.classes[0])}"
        )
    unknown = sorted(set(table.classes) - set(model.classes))
    if unknown and not (is_multilabel and len(unknown) < len(table.classes)):
        raise BundleError(
            f"the data have the classes {', '.join(map(show_name, table.classes))}, the model "
            f"answers {', '.join(model.classes)}, and not {show_name(unknown[0])!r}; "
            f"{suggest_renaming(unknown[0], model.classes)}"
        )
    notes = []
    if unknown:
        told = ", ".join(map(show_name, unknown))
        notes.append(f"the model does not answer for {told}: no figures for that")
    absent = [name for name in model.classes if name not in table.classes]
    if is_multilabel and absent:
        notes.append(f"the data say nothing of {', '.join(absent)}: no figures for that")
    return notes


def tabulate_answers(
    prepared: PreparedTable, rows: np.ndarray, answers: Sequence[Prediction], folds: np.ndarray
) -> PredictionTable:
    """Put answers for some rows of a table beside their truth.

    Args:
        prepared: the whole table.
        rows: which of its rows were answered for.
        answers: one a row.
        folds: the number of the model that answered, from 0, one a row.
    """
    frame = prepared.table.frame.iloc[rows]
    classes = answers[0].classes
    indices = {name: i for i, name in enumerate(classes)}
    is_multilabel = answers[0].is_multilabel
    truth = [-1 if is_multilabel else indices.get(label, -1) for label in frame["label"]]
    decided = [[name in answer.decisions for name in classes] for answer in answers]
    calibrated = [answer.calibrated for answer in answers]
    return PredictionTable(
        classes=classes,
        images=tuple(frame["image"]),
        patients=tuple(frame["patient_id"]),
        truth=np.array(truth, dtype=np.int64),
        logits=np.array([answer.logits for answer in answers]),
        probabilities=np.array([answer.probabilities for answer in answers]),
        folds=folds.astype(np.int64),
        labels=_find_labels(prepared.table, rows, classes) if is_multilabel else None,
        calibrated=np.array(calibrated) if all(calibrated) else None,
        decisions=np.array(decided),
    )


def judge_answers(
    prepared: PreparedTable,
    rows: np.ndarray,
    answers: Sequence[Prediction],
    folds: np.ndarray,
    points: Sequence[Sequence[OperatingPoint]],
) -> Examination:
    """Judge answers for some rows of a table.

    Args:
        prepared: the whole table.
        rows: which of its rows were answered for.
        answers: one a row.
        folds: the number of the model that answered, from 0, one a row.
        points: rules to judge by, the models' own first: of each rule one point a model. A rule
            that could not be met by every model is left out.
    """
    frame = prepared.table.frame.iloc[rows]
    table = tabulate_answers(prepared, rows, answers, folds)
    return Examination(
        evaluation=judge(table),
        maps=_judge_maps(table, answers, tuple(frame["mask"])),
        controls=_judge_controls(prepared, rows, table),
        calibration=judge_calibration(table),
        operating=(
            judge_operating(table, points[0]),
            *(
                replace(judge_operating(table, others), is_deciding=False)
                for others in points[1:]
                if all(one.thresholds for one in others)
            ),
        ),
        predictions=tuple(answers),
        table=table,
        rows=prepared.table.take(rows),
        is_phantom=prepared.table.is_phantom,
        fingerprint=fingerprint(prepared.table, prepared.images.digests),
        refusals=prepared.table.refusals,
        notes=prepared.table.notes,
    )


def _find_labels(table: StudyTable, rows: np.ndarray, classes: Sequence[str]) -> LabelMatrix:
    """The labels of some rows for a model's classes; missing for those that the data lack."""
    labels = np.full((len(rows), len(classes)), np.nan, dtype=np.float32)
    matrix, columns = table.label_matrix, table.class_to_idx
    for place, name in enumerate(classes):
        if name in columns:
            labels[:, place] = matrix[rows, columns[name]]
    return labels


def _judge_controls(
    prepared: PreparedTable, rows: np.ndarray, table: PredictionTable
) -> tuple[Control, ...]:
    """What the classes are told apart by without the pictures; not what is the same for all."""
    truth = table.truth if table.labels is None else table.labels
    about = (truth, table.classes, table.clusters)
    n_bytes = np.asarray(prepared.images.n_bytes)[rows].astype(np.float64)
    n_pixels = np.asarray(prepared.images.source_sizes)[rows].prod(axis=1).astype(np.float64)
    controls = [judge_control("file bytes", n_bytes, *about)]
    if len(np.unique(n_pixels)) > 1:
        controls.append(judge_control("image size", n_pixels, *about))
    for name in ("source", "view"):
        values = prepared.table.frame[name].iloc[rows].tolist()
        if len(set(values)) > 1:
            controls.append(judge_category_control(name, values, *about))
    return tuple(controls)


def _judge_maps(
    table: PredictionTable, answers: Sequence[Prediction], masks: Sequence[str | None]
) -> MapEvaluation | None:
    """Judge the map of each case's true class against its mask, found or missed.

    Of several labels an image none: a mask does not say which of them it shows.
    """
    scores, names, clusters = [], [], []
    for answer, truth, mask, cluster in zip(
        answers, table.truth.tolist(), masks, table.clusters.tolist(), strict=True
    ):
        if mask is not None and truth >= 0:
            scores.append(score_heatmap(answer.heatmaps[truth], read_mask(mask)))
            names.append(table.classes[truth])
            clusters.append(cluster)
    if not scores:
        return None
    return judge_maps(scores, names, np.array(clusters, dtype=np.int64), method="cam")
