"""Which cached features the steps of a stage are shown.

SPDX-License-Identifier: Apache-2.0
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from cxrlens.inference import FeatureTable
from cxrlens.network.tensors import GreyBatch
from cxrlens.training.batching import Rows
from cxrlens.training.checkpoint import Place
from cxrlens.training.frozen_features import FrozenFeatures
from cxrlens.training.shown_images import ShownImages

Plan = Sequence[Sequence[Rows]]
"""The batches of each step of an epoch."""

_NOTHING: FeatureTable = np.empty((0, 0), dtype=np.float32)


class StageFeatures(ABC):
    """Gives the steps of one stage their features.

    Args:
        frozen: computes and keeps them.
    """

    def __init__(self, frozen: FrozenFeatures) -> None:
        self.frozen = frozen

    @abstractmethod
    def begin_epoch(self, place: Place, plan: Plan) -> None:
        """Have the features of an epoch ready, from a step on."""

    @abstractmethod
    def find_step(self, place: Place, batches: Sequence[Rows]) -> Iterator[FeatureTable]:
        """Give the features of the batches of a step, from the first on."""

    @abstractmethod
    def draw(self, images: ShownImages, place: Place, rows: Rows) -> GreyBatch:
        """Give the images behind the features of the first batch of a step."""

    @abstractmethod
    def describe(self, epoch: int) -> str:
        """Say which features an epoch of the stage, counted from 0, is shown."""

    def _name_engine(self) -> str:
        engine = self.frozen.engine
        return f"{engine.name} in {engine.precision}"


class EpochFeatures(StageFeatures):
    """Every epoch is augmented anew, exactly as it would be without a cache.

    Args:
        frozen: computes them.
        n_epochs: of the stage.
    """

    def __init__(self, frozen: FrozenFeatures, n_epochs: int) -> None:
        super().__init__(frozen)
        self._n_epochs = n_epochs
        self._table: FeatureTable = _NOTHING
        self._starts: dict[int, int] = {}

    def begin_epoch(self, place: Place, plan: Plan) -> None:
        """Compute the epoch, and let go of the one before."""
        self._table = _NOTHING
        sizes = [sum(map(len, batches)) for batches in plan[place.step :]]
        starts = np.cumsum([0, *sizes]).tolist()
        self._starts = dict(enumerate(starts, start=place.step))
        self._table = self.frozen.compute_epoch(place, plan, self._n_epochs)

    def find_step(self, place: Place, batches: Sequence[Rows]) -> Iterator[FeatureTable]:
        """Give the features in the order in which they were computed."""
        start = self._starts[place.step]
        for rows in batches:
            yield self._table[start : start + len(rows)]
            start += len(rows)

    def draw(self, images: ShownImages, place: Place, rows: Rows) -> GreyBatch:
        """Augment the batch as its step has it."""
        return next(images.vary_step(place, [rows]))

    def describe(self, epoch: int) -> str:
        """Name the view and the engine."""
        return f"view {epoch + 1} of {self._n_epochs} by {self._name_engine()}"


class FixedFeatures(StageFeatures):
    """Every image has a few fixed views, which the epochs take in turns.

    Args:
        frozen: computes and keeps them.
        n_views: 1 or more.
    """

    def __init__(self, frozen: FrozenFeatures, n_views: int) -> None:
        super().__init__(frozen)
        self._n_views = n_views

    def begin_epoch(self, place: Place, plan: Plan) -> None:  # noqa: ARG002 (all images have it)
        """Compute the epoch's view where it is the first to need it."""
        self._find(place)

    def find_step(self, place: Place, batches: Sequence[Rows]) -> Iterator[FeatureTable]:
        """Look the features of the images up."""
        table = self._find(place)
        for rows in batches:
            yield table[np.searchsorted(self.frozen.view_rows, rows)]

    def draw(self, images: ShownImages, place: Place, rows: Rows) -> GreyBatch:
        """Augment the images as the epoch's view has them."""
        return images.vary_view(place.epoch % self._n_views, rows)

    def describe(self, epoch: int) -> str:
        """Name the view and the engine."""
        return f"view {epoch % self._n_views + 1} of {self._n_views} by {self._name_engine()}"

    def _find(self, place: Place) -> FeatureTable:
        return self.frozen.find_view(place.epoch % self._n_views, self._n_views)
