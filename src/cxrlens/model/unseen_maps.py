"""Maps of the images of a table, each by the model that never saw it.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int
from PIL import Image

from cxrlens.explanation import Method
from cxrlens.inference import ImageBatch, PreparedTable, TorchEngine
from cxrlens.model.answering import Model
from cxrlens.model.examining import tabulate_answers
from cxrlens.vocabulary import (
    ClassIndices,
    Geometry,
    Grid,
    Heatmap,
    InputError,
    PixelMask,
    Prediction,
    PredictionTable,
    Progress,
    number_patients,
)

BATCH = 8
"""Images whose maps are made at once."""

MASK_SIDE = 64
"""Rows and columns of a mask on the network's input."""


class UnseenMaps:
    """The images of a table with the models that explain them.

    Args:
        models: one, or those of the folds of one training.
        prepared: decoded with their preprocessing, labelled.
        progress: is told of every batch.

    Raises:
        InputError: if the models differ in classes or preprocessing.
    """

    def __init__(
        self, models: Sequence[Model], prepared: PreparedTable, progress: Progress
    ) -> None:
        check_alike(models)
        self.models, self.prepared, self._progress = models, prepared, progress
        self.labels: list[str] = prepared.table.frame["label"].tolist()
        digests = prepared.images.digests
        is_new = np.array([[one not in model.bundle.seen for one in digests] for model in models])
        patients = number_patients(prepared.table.frame["patient_id"].tolist())
        self.owner = deal_owners(is_new, patients)
        """The model of each row; -1 where all have seen it."""

    def answer(self, rows: Sequence[int]) -> PredictionTable:
        """Answer for rows, each by its own model; their folds are the models."""
        chosen = np.array(rows, dtype=np.int64)
        owner = self.owner[chosen]
        answers: dict[int, Prediction] = {}
        for index, model in enumerate(self.models):
            own = chosen[owner == index]
            found = model.answer_rows(self.prepared, own, self._progress)
            answers |= dict(zip(own.tolist(), found, strict=True))
        return tabulate_answers(self.prepared, chosen, [answers[row] for row in rows], owner)

    def explain(
        self,
        rows: Sequence[int],
        method: Method,
        settings: object,
        *,
        models: Sequence[Model] | None = None,
        engines: Sequence[TorchEngine] | None = None,
    ) -> list[Heatmap]:
        """Make the maps of the true classes of rows.

        Args:
            rows: which.
            method: how.
            settings: of the method.
            models: others in place of the own ones, in their order.
            engines: that run other networks in place of the models' own, in their order.

        Returns:
            One a row, in order.
        """
        maps: dict[int, Heatmap] = {}
        for index, model in enumerate(models or self.models):
            own = [row for row in rows if self.owner[row] == index]
            for start in range(0, len(own), BATCH):
                batch = own[start : start + BATCH]
                found = model.explain_pixels(
                    self.pixels(batch),
                    [self.labels[row] for row in batch],
                    [self.geometry(row) for row in batch],
                    method,
                    settings,
                    engine=None if engines is None else engines[index],
                )
                maps |= dict(zip(batch, found, strict=True))
                self._progress.advance(f"maps by {method.name}", len(maps), len(rows))
        return [maps[row] for row in rows]

    def pixels(self, rows: Sequence[int]) -> ImageBatch:
        """The networks' input of rows, in [0, 1]."""
        return np.asarray(self.prepared.images.pixels[list(rows)].astype(np.float32) / 65535)

    def targets(self, rows: Sequence[int]) -> ClassIndices:
        """The true class of rows, by its place among the models' classes."""
        classes = self.models[0].classes
        return np.array([classes.index(self.labels[row]) for row in rows], dtype=np.int64)

    def geometry(self, row: int) -> Geometry:
        """How the networks' input lies on a row's source image."""
        preprocessing = self.models[0].bundle.record.preprocessing
        return preprocessing.geometry(self.prepared.images.source_sizes[row])

    def shrink(self, row: int, mask: PixelMask) -> Grid:
        """Give a mask of a row's source image on the networks' input.

        Returns:
            `MASK_SIDE` x `MASK_SIDE` cells: the share of each that lies in the mask.
        """
        box = self.geometry(row)
        height, width = mask.shape
        edges = (
            max(box.left, 0.0), max(box.top, 0.0),
            min(box.left + box.width, width), min(box.top + box.height, height),
        )  # fmt: skip
        picture = Image.fromarray(mask.astype(np.float32))
        small = picture.resize((MASK_SIDE, MASK_SIDE), Image.Resampling.BOX, box=edges)
        return np.clip(np.asarray(small, dtype=np.float32), 0, 1)


def deal_owners(
    is_new: Bool[np.ndarray, "models rows"], patients: ClassIndices
) -> Int[np.ndarray, " rows"]:
    """Choose for each row one of the models that never saw it.

    Where several did not, patients are dealt among them: of data that no fold saw all rows would
    else be the first fold's, and no other part would be left to take a mean mask from.

    Args:
        is_new: whether each model never saw each row.
        patients: a number for each row's patient.

    Returns:
        The place of the model; -1 where all have seen the row.
    """
    wanted = patients % np.maximum(is_new.sum(axis=0), 1)
    chosen = is_new & (is_new.cumsum(axis=0) == wanted + 1)
    return np.where(is_new.any(axis=0), chosen.argmax(axis=0), -1)


def check_alike(models: Sequence[Model]) -> None:
    """Refuse models whose answers cannot stand in one table.

    Raises:
        InputError: if they differ in classes or preprocessing.
    """
    first = models[0]
    for model in models[1:]:
        if model.classes != first.classes:
            raise InputError(
                f"models that are judged together need the same classes; got "
                f"{', '.join(first.classes)} and {', '.join(model.classes)}"
            )
        if model.bundle.record.preprocessing != first.bundle.record.preprocessing:
            raise InputError(
                f"models that are judged together need the same preprocessing; got "
                f"{first.bundle.record.preprocessing} and {model.bundle.record.preprocessing}"
            )
