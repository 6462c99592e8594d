"""What LIME found in one image: the pieces and what each is worth.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from cxrlens.vocabulary.arrays import Segments
from cxrlens.vocabulary.errors import InputError, suggest
from cxrlens.vocabulary.geometry import Geometry
from cxrlens.vocabulary.heatmap import Heatmap
from cxrlens.vocabulary.lime_settings import LimeSettings

UNSEEN = -1
"""Stands for the piece of a source pixel that the network never saw."""


@dataclass(frozen=True, eq=False)
class LimeExplanation:
    """A linear stand-in for the network around one image, for several classes."""

    segments: Segments
    """The piece that each pixel of the network's input belongs to: 0…S-1."""

    geometry: Geometry
    """How the network's input lies on the source image."""

    classes: tuple[str, ...]
    """What is explained, the likeliest first; every other field has them in this order."""

    weights: Float64[np.ndarray, "k s"]
    """What showing a piece adds to the probability; negative speaks against the class."""

    intercepts: Float64[np.ndarray, " k"]
    """What the stand-in gives where every piece is hidden."""

    probabilities: Float64[np.ndarray, " k"]
    """What the network gives for the whole image; not calibrated."""

    r2: Float64[np.ndarray, " k"]
    """Share of the answers' weighted variance that the stand-in explains: how far the weights may
    be read at all; NaN where the answers never change."""

    stability: Float64[np.ndarray, " k"]
    """The rank correlation of the weights to be expected with another seed, in [0, 1]; NaN where
    there is nothing to rank."""

    n_samples: int
    """How many images with hidden pieces were asked about."""

    settings: LimeSettings
    """How it was asked."""

    @property
    def local_predictions(self) -> Float64[np.ndarray, " k"]:
        """What the stand-in gives for the whole image, to be held against `probabilities`."""
        return np.asarray(self.intercepts + self.weights.sum(axis=1))

    def find(self, class_name: str) -> int:
        """Give the place of a class in all fields.

        Raises:
            InputError: if it was not explained.
        """
        if class_name not in self.classes:
            raise InputError(
                f"LIME did not explain {class_name!r}; {suggest(class_name, self.classes)}"
            )
        return self.classes.index(class_name)

    def choose(self, class_name: str, n: int, *, positive_only: bool) -> tuple[int, ...]:
        """Choose the pieces that matter most.

        Args:
            class_name: one of `classes`.
            n: how many, at most.
            positive_only: whether only pieces count that speak for the class.

        Returns:
            Pieces, the one of the largest weight first, by amount; none of weight 0.

        Raises:
            InputError: if the class was not explained.
        """
        weights = self.weights[self.find(class_name)]
        size = weights if positive_only else np.abs(weights)
        order = np.argsort(-size, kind="stable")[:n]
        return tuple(int(piece) for piece in order if size[piece] > 0)

    def make_heatmap(self, class_name: str) -> Heatmap:
        """Paint the weights on the pieces.

        Args:
            class_name: one of `classes`.

        Returns:
            A signed map with one cell a pixel of the network's input, in units of the
            probability.

        Raises:
            InputError: if the class was not explained.
        """
        grid = self.weights[self.find(class_name)][self.segments].astype(np.float32)
        return Heatmap(grid, self.geometry, class_name, "lime")

    def segments_on_source(self) -> Int64[np.ndarray, "h w"]:
        """Lay the pieces on the source image.

        Returns:
            Height x width of the source: the piece of the network pixel that is nearest, `UNSEEN`
            where the network saw nothing.
        """
        (height, width), (rows, cols) = self.geometry.source_size, self.segments.shape
        ends = np.zeros((max(height, width), 2))
        ends[:, :] = np.arange(len(ends))[:, None]
        places = np.floor(self.geometry.to_network(ends) + 0.5).astype(np.int64)
        row, col = places[:height, 0], places[:width, 1]
        is_seen = ((row >= 0) & (row < rows))[:, None] & ((col >= 0) & (col < cols))[None, :]
        found = self.segments[np.clip(row, 0, rows - 1)][:, np.clip(col, 0, cols - 1)]
        return np.where(is_seen, found, UNSEEN)
