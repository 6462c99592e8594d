"""The border of lungs that were found roughly: boxes first, then point by point.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from cxrlens.imaging.lung_shape import IS_HEART, LungBoxes, Outlines, find_normals, trace
from cxrlens.vocabulary import GreyImage

_STEPS_ACROSS = (0.008, 0.016)
"""How far inside and outside of the outline the greys are compared, as shares of the image: the
width of a rib's cortex and of a rib. Wider bands (0.05) run over ribs and arms."""

_LARGEST_EDGE = 1.5
"""Steps of grey above it (in local standard deviations) count no more: a wire is no border."""

_SPREAD = np.array([0.03, 0.02, 0.03, 0.05])
"""Standard deviation of the error of placed boxes (lateral, medial, top, bottom), measured on 101
masks of 61 patients."""

_USUAL_GAP, _GAP_SPREAD = 0.09, 0.03
_TOP_SPREAD, _BOTTOM_SPREAD, _WIDTH_SPREAD = 0.03, 0.05, 0.05
_USUAL_DROP = 0.02
"""How two lungs differ in the same masks: the gap between them, and the standard deviations of
the differences of their tops, bottoms (the left one is lower by 0.02) and widths."""

_TRUST_IN_PLACE, _TRUST_IN_PAIR = 0.05, 0.03
"""Price of a departure of one standard deviation, in units of the mean edge."""

_SHIFTS = np.array(
    [
        *[[[1, 0, 0, 0], [1, 0, 0, 0]], [[1, 0, 0, 0], [-1, 0, 0, 0]]],
        *[[[0, 1, 0, 0], [0, 1, 0, 0]], [[0, 1, 0, 0], [0, -1, 0, 0]]],
        *[[[0, 0, 1, 0], [0, 0, 1, 0]], [[0, 0, 0, 1], [0, 0, 0, 1]]],
        *[[[1, 1, 0, 0], [1, 1, 0, 0]], [[1, 0, 0, 0], [0, 0, 0, 0]]],
        *[[[0, 0, 1, 0], [0, 0, 0, 0]], [[0, 0, 0, 1], [0, 0, 0, 0]]],
        *[[[0, 0, 0, 0], [1, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 1, 0]]],
        [[0, 0, 0, 0], [0, 0, 0, 1]],
    ],
    dtype=np.float64,
)
"""Moves that are tried, both ways: of both lungs together, then of one."""

_REACH, _N_OFFSETS = 0.04, 17
"""How far a point may leave the fitted shape, and in how many places it is tried."""

_STIFFNESS, _PULL, _LARGEST_JUMP = 0.1, 0.4, 2
"""Price of neighbours that differ by one place, of leaving the shape by 0.05, and how many places
neighbours may differ."""


def fit_boxes(even: GreyImage, start: LungBoxes) -> LungBoxes:
    """Move the sides of both boxes until the image gets brighter across the outline.

    Args:
        even: the image stretched to a square, contrast made even (`even_out`).
        start: the boxes as placed.

    Returns:
        The boxes with the best mean edge, less what departures from `start` and from a usual
        pair of lungs cost.
    """
    boxes = start
    for step in (0.03, 0.015, 0.008):
        for _ in range(4):
            tried = np.concatenate([boxes[None], boxes + step * _SHIFTS, boxes - step * _SHIFTS])
            best = int(_score(even, tried, start).argmax())
            if best == 0:
                break
            boxes = tried[best]
    return boxes


def trace_border(even: GreyImage, boxes: LungBoxes) -> tuple[Outlines, float]:
    """Move each point of the outline across it to where the image gets brighter.

    Where there is no edge (heart, consolidation), the outline stays at the shape of the boxes.

    Args:
        even: as for `fit_boxes`.
        boxes: as fitted.

    Returns:
        The outlines, and the mean edge along them, without the heart, in local standard
        deviations.
    """
    outlines = trace(boxes)
    normals = find_normals(outlines)
    offsets = np.linspace(-_REACH, _REACH, _N_OFFSETS)
    places = outlines[:, :, None] + offsets[:, None] * normals[:, :, None]
    edges = _measure_edges(even, places, normals[:, :, None])
    edges[IS_HEART] = 0
    price = _PULL * (offsets / 0.05) ** 2 - edges
    chosen = np.stack([_find_loop(one) for one in price])
    found = np.take_along_axis(edges, chosen[..., None], axis=2)[..., 0]
    return outlines + offsets[chosen][..., None] * normals, float(found[~IS_HEART].mean())


def _score(
    even: GreyImage, boxes: Float[np.ndarray, "k 2 4"], start: LungBoxes
) -> Float[np.ndarray, " k"]:
    outlines = trace(boxes)
    length = np.linalg.norm(np.roll(outlines, -1, axis=-2) - outlines, axis=-1) * ~IS_HEART
    edges = _measure_edges(even, outlines, find_normals(outlines))
    mean = (edges * length).sum(axis=(1, 2)) / length.sum(axis=(1, 2))
    leap = (((boxes - start) / _SPREAD) ** 2).mean(axis=(1, 2))
    return np.asarray(mean - _TRUST_IN_PLACE * leap - _TRUST_IN_PAIR * _price_pair(boxes))


def _price_pair(boxes: Float[np.ndarray, "k 2 4"]) -> Float[np.ndarray, " k"]:
    (lateral, medial, top, bottom) = np.moveaxis(boxes, 2, 0)
    width = np.abs(medial - lateral)
    return np.asarray(
        ((top[:, 1] - top[:, 0]) / _TOP_SPREAD) ** 2
        + ((bottom[:, 1] - bottom[:, 0] - _USUAL_DROP) / _BOTTOM_SPREAD) ** 2
        + ((width[:, 1] - width[:, 0]) / _WIDTH_SPREAD) ** 2
        + ((medial[:, 1] - medial[:, 0] - _USUAL_GAP) / _GAP_SPREAD) ** 2
    )


def _measure_edges(
    even: GreyImage, places: Float[np.ndarray, "*many 2"], normals: Float[np.ndarray, "*any 2"]
) -> Float[np.ndarray, "*many"]:
    """Mean grey just outside less mean grey just inside."""
    total = np.zeros(places.shape[:-1])
    for step in _STEPS_ACROSS:
        total += _look_up(even, places + step * normals) - _look_up(even, places - step * normals)
    return np.clip(total / len(_STEPS_ACROSS), -_LARGEST_EDGE, _LARGEST_EDGE)


def _look_up(even: GreyImage, places: Float[np.ndarray, "*many 2"]) -> Float[np.ndarray, "*many"]:
    """Interpolate; beyond the image its border goes on."""
    rows, cols = even.shape
    at = [places[..., 1] * rows - 0.5, places[..., 0] * cols - 0.5]
    return np.asarray(ndimage.map_coordinates(even, at, order=1, mode="nearest"))


def _find_loop(price: Float[np.ndarray, "points places"]) -> Int[np.ndarray, " points"]:
    """Choose a place for each point: the cheapest stiff line around, by dynamic programming.

    Two rounds are walked and the middle one is kept, so that the ends meet.
    """
    n_points, n_places = price.shape
    jump = np.abs(np.subtract.outer(np.arange(n_places), np.arange(n_places)))
    bend = np.where(jump > _LARGEST_JUMP, np.inf, _STIFFNESS * jump**2)
    rounds = np.tile(price, (2, 1))
    total, came_from = rounds[0], np.zeros(rounds.shape, dtype=np.int64)
    for point in range(1, 2 * n_points):
        ways = total[:, None] + bend
        came_from[point] = ways.argmin(axis=0)
        total = ways.min(axis=0) + rounds[point]
    path = np.zeros(2 * n_points, dtype=np.int64)
    path[-1] = total.argmin()
    for point in range(2 * n_points - 1, 0, -1):
        path[point - 1] = came_from[point, path[point]]
    half = n_points // 2
    return np.concatenate([path[n_points : n_points + half], path[half:n_points]])
