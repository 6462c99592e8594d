"""The pooled features of a backbone that stands still, computed once for each image and view.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from cxrlens.inference import FeatureEngine, FeatureTable
from cxrlens.network.tensors import GreyBatch
from cxrlens.training.batching import Rows
from cxrlens.training.checkpoint import Place
from cxrlens.training.feature_store import gather_features
from cxrlens.training.shown_images import ShownImages
from cxrlens.vocabulary import Progress

_AT_ONCE = 32
"""Images that are augmented together."""

_Task = tuple[str, int, int]
"""Its words, and how many of how many images are done."""

_VALIDATION = "compute the features of the validation part"
"""A task."""


class FrozenFeatures:
    """Runs images through a frozen backbone and keeps what is asked for again.

    Args:
        engine: of the backbone.
        images: what is shown.
        n_features: columns of what the engine gives.
        scratch: a folder for features; None keeps them in memory.
        progress: is told of every batch.
    """

    def __init__(
        self,
        engine: FeatureEngine,
        images: ShownImages,
        n_features: int,
        scratch: Path | None,
        progress: Progress,
    ) -> None:
        self.engine = engine
        self._images, self._n_features = images, n_features
        self._scratch, self._progress = scratch, progress
        self.view_rows: Rows = np.unique(images.cases.train)
        self._views: dict[int, FeatureTable] = {}
        self._validation: FeatureTable | None = None

    def find_validation(self) -> FeatureTable:
        """Give the features of the validation part, as it is, in its order."""
        if self._validation is None:
            rows = self._images.cases.validation
            shown = (self._images.fetch(some) for some in _split(rows))
            self._validation = self._gather(shown, len(rows), (_VALIDATION, 0, len(rows)))
        return self._validation

    def find_view(self, view: int, n_views: int) -> FeatureTable:
        """Give the features of one fixed view of every training image, in order of `view_rows`.

        Args:
            view: from 0.
            n_views: that there are.
        """
        if view not in self._views:
            n = len(self.view_rows)
            shown = (self._images.vary_view(view, some) for some in _split(self.view_rows))
            task = (f"compute the features of {n_views} views", view * n, n_views * n)
            self._views[view] = self._gather(shown, n, task)
        return self._views[view]

    def compute_epoch(
        self, place: Place, plan: Sequence[Sequence[Rows]], n_epochs: int
    ) -> FeatureTable:
        """Compute the features of an epoch's steps, each batch augmented as its step has it.

        Args:
            place: of the first step that is wanted; the epoch's earlier ones are left out.
            plan: rows of the batches of all steps.
            n_epochs: of the stage.

        Returns:
            The images of those steps in the order in which they are shown.
        """
        steps = range(place.step, len(plan))
        shown = chain.from_iterable(
            self._images.vary_step(Place(place.stage, place.epoch, step), plan[step])
            for step in steps
        )
        sizes = [sum(map(len, batches)) for batches in plan]
        whole, before = sum(sizes), sum(sizes[: place.step])
        task = (
            "compute the features of every epoch's views",
            place.epoch * whole + before,
            n_epochs * whole,
        )
        return self._gather(shown, whole - before, task)

    def _gather(self, shown: Iterable[GreyBatch], n: int, task: _Task) -> FeatureTable:
        return gather_features(self._run(shown, task), n, self._n_features, self._scratch)

    def _run(
        self, shown: Iterable[GreyBatch], task: tuple[str, int, int]
    ) -> Iterator[FeatureTable]:
        words, done, total = task
        for images in shown:
            yield self.engine.run(images)
            done += len(images)
            self._progress.advance(words, done, total)


def _split(rows: Rows) -> Iterator[Rows]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
