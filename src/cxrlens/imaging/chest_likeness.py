"""How like a frontal chest an image is, turned in each of four ways and in either polarity.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from cxrlens.imaging.framing import shrink
from cxrlens.vocabulary import GreyImage

GRID = 64
"""Rows and columns of the ranks."""

CELLS = 8
"""Rows and columns of the cells that are compared with `CHEST`."""

Ranks = Float32[np.ndarray, "64 64"]
"""Rank of each grey in the image, from -1 (darkest) to 1 (brightest), ties at their mean."""

Cells = Float32[np.ndarray, "rows cols"]
"""Mean ranks of equal cells."""

CHEST = (
    np.array(
        [
            [-7, -11, -4, 6],
            [4, 1, -5, -2],
            [3, 3, -9, -1],
            [0, 1, -8, 6],
            [-4, -11, -5, 7],
            [-1, -9, 2, 13],
            [-4, -5, 4, 15],
            [-6, 0, 10, 16],
        ]
    )
    / 10
)
"""What the left half of a chest looks like, top row first, the midline on the right; the right
half is its mirror image. What is bright has positive weights (spine, heart, abdomen), what is dark
has negative ones (lungs, the air above the shoulders).

Source: the rounded weights that let a softmax over the eight ways name the right one for 1,421
radiographs of 824 patients, half of the project's real ones (`benchmarks/quality_weights.py`)."""


_TURNED_CHESTS = np.stack(
    [np.rot90(np.hstack([CHEST, CHEST[:, ::-1]]), -turns).ravel() for turns in range(4)]
)
"""Whole chests, turned as an image is that so many quarter turns anticlockwise put upright."""


@dataclass(frozen=True, eq=False)
class ChestLikeness:
    """How like a chest one image is, turned in each of eight ways."""

    scores: Float64[np.ndarray, "2 4"]
    """Agreement with `CHEST`: polarity (as it is, inverted) x quarter turns anticlockwise that put
    the image upright (0…3). A point more is e times the odds against another way."""

    upright: Ranks
    """The ranks, turned and inverted in the best of the eight ways."""

    roughness: float
    """Root mean square of the ranks about the mean of their 2 x 2 neighbours, 0…1: the share of
    fine detail, whatever the contrast."""

    @property
    def best(self) -> float:
        """The score of the best way."""
        return float(self.scores.max())

    @property
    def inverted(self) -> float:
        """Log odds that the grey scale is inverted, whatever the turn."""
        as_is, inverted = np.logaddexp.reduce(self.scores, axis=1)
        return float(inverted - as_is)

    @property
    def turns(self) -> int:
        """Quarter turns anticlockwise, 0…3, that most likely put the image upright."""
        return int(np.logaddexp.reduce(self.scores, axis=0).argmax())

    @property
    def turned(self) -> float:
        """Log odds of the most likely turn against the three others."""
        by_turn = np.sort(np.logaddexp.reduce(self.scores, axis=0))
        return float(by_turn[-1] - np.logaddexp.reduce(by_turn[:-1]))


def measure_likeness(field: GreyImage) -> ChestLikeness:
    """Compare an image with a chest.

    Only the order of the greys counts: no brightness, contrast or gamma changes anything, and an
    inverted image has the same scores in exchanged rows.

    Args:
        field: the exposed field of an image (`cut_frame`), in [0, 1].

    Returns:
        What was found.
    """
    ranks = rank(field)
    cells = average(ranks, CELLS)
    as_is = _TURNED_CHESTS @ cells.ravel().astype(np.float64)
    scores = np.stack([as_is, -as_is])
    polarity, turns = np.unravel_index(int(scores.argmax()), scores.shape)
    turned = np.rot90(ranks, int(turns))
    squares = ranks.reshape(GRID // 2, 2, GRID // 2, 2)
    sums = squares[:, 0] + squares[:, 1]
    rest = squares - (sums[..., 0] + sums[..., 1])[:, None, :, None] / 4
    return ChestLikeness(
        scores=scores,
        upright=-turned if polarity else turned,
        roughness=float(np.sqrt(np.mean(rest * rest))),
    )


def rank(field: GreyImage) -> Ranks:
    """Replace the greys by their ranks.

    Args:
        field: rows x columns, in [0, 1].

    Returns:
        The ranks of the means of `GRID` x `GRID` equal boxes, which are told apart to 16 bits.
    """
    # In 16 bits, which numpy sorts by their digits: a fifth of the time.
    grey = np.rint(shrink(field, GRID).ravel() * 65535).astype(np.uint16)
    order = np.argsort(grey, stable=True)
    ordered = grey[order]
    first = np.append(0, np.flatnonzero(ordered[1:] > ordered[:-1]) + 1)
    count = np.append(first[1:], GRID**2) - first
    middle = ((2 * first + count) / GRID**2 - 1).astype(np.float32)
    ranks = np.empty(GRID**2, dtype=np.float32)
    ranks[order] = np.repeat(middle, count)
    return ranks.reshape(GRID, GRID)


def average(ranks: Ranks, side: int) -> Cells:
    """Give the means of `side` x `side` cells; `side` divides `GRID`."""
    step = GRID // side
    return np.asarray(ranks.reshape(side, step, side, step).mean(axis=(1, 3)))
