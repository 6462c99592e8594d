"""A stage that moves the head alone is given cached features.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib
from pathlib import Path

from cxrlens.inference import open_feature_engine
from cxrlens.network import MapClassifier
from cxrlens.training.batching import count_epochs, count_steps
from cxrlens.training.feature_store import choose_scratch
from cxrlens.training.frozen_features import FrozenFeatures
from cxrlens.training.recipe import Stage
from cxrlens.training.shown_images import ShownImages
from cxrlens.training.stage_features import EpochFeatures, FixedFeatures, StageFeatures
from cxrlens.training.views import resolve_views
from cxrlens.vocabulary import Progress

_FLOAT_BYTES = 4


class FeatureSource:
    """Opens the cached features of one stage after the other.

    Those of the stage before are gone on with where nothing before the pooled features has moved
    since.

    Args:
        network: that is trained.
        images: what is shown, and by which recipe.
        precision: of the training's arithmetic.
        folder: where features that are too many for the memory may be kept; None: nowhere.
        progress: is told of every batch.

    Raises:
        RecipeError: as `resolve_views`, for any stage of the recipe.
    """

    def __init__(
        self,
        network: MapClassifier,
        images: ShownImages,
        precision: str,
        folder: Path | None,
        progress: Progress,
    ) -> None:
        self._network, self._images, self._precision = network, images, precision
        self._progress = progress
        # Over the whole training: what is resumed in a later stage must choose the same engine.
        n_shown, n_kept = zip(*(self._count_images(s) for s in images.recipe.stages), strict=True)
        self._n_images = sum(n_shown)
        n_bytes = max(n_kept) * network.backbone.n_features * _FLOAT_BYTES
        self._scratch = choose_scratch(n_bytes, folder)
        self._frozen: FrozenFeatures | None = None
        self._digest = ""

    def open_stage(self, stage: Stage) -> StageFeatures | None:
        """Give the features of a stage; None where it goes through the whole network.

        Args:
            stage: of the recipe; the network has the weights that it starts from.
        """
        views = resolve_views(self._network, stage)
        if views == "none":
            self._frozen = None
            return None
        found = _digest_before_pooling(self._network)
        if self._frozen is None or found != self._digest:
            self._frozen, self._digest = self._freeze(), found
        if views == "epochs":
            return EpochFeatures(self._frozen, self._count_epochs(stage))
        return FixedFeatures(self._frozen, views)

    def _freeze(self) -> FrozenFeatures:
        network, images = self._network.eval(), self._images
        engine = open_feature_engine(network, images.size, self._precision, self._n_images)
        n_features = network.backbone.n_features
        return FrozenFeatures(engine, images, n_features, self._scratch, self._progress)

    def _count_images(self, stage: Stage) -> tuple[int, int]:
        """How many images a stage has features computed of, and how many it keeps at a time."""
        views, n = resolve_views(self._network, stage), len(self._images.cases.train)
        if views == "none":
            return 0, 0
        if views == "epochs":
            return n * self._count_epochs(stage), n
        return n * views, n * views

    def _count_epochs(self, stage: Stage) -> int:
        n = len(self._images.cases.train)
        return count_epochs(stage, count_steps(n, self._images.recipe.optimisation))


def _digest_before_pooling(network: MapClassifier) -> str:
    """Digest the weights and statistics that pooled features follow from."""
    behind = {id(parameter) for parameter in network.list_after_pooling()}
    found = hashlib.sha256()
    for name, value in network.backbone.state_dict(keep_vars=True).items():
        if id(value) not in behind:
            found.update(f"{name} {tuple(value.shape)}\n".encode())
            found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
