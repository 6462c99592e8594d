"""The vessels of the lungs: trees that branch out from the hila.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64

from cxrlens.phantom.anatomy import SIDES, Build
from cxrlens.phantom.plane import SIZE, Plane, blur, open_stream

Branches = Float64[np.ndarray, " branches"]
"""One number a branch."""

_ROOTS, _GENERATIONS, _STEPS = 8, 5, 20
_SPREAD = ((0, 2, 1.7, 0.60), (2, 3, 1.1, 0.24), (3, 5, 0.7, 0.11))
"""First and last generation, blur in pixels, and attenuation, from thick to thin vessels."""


def shape_vessels(build: Build, anatomy_key: str) -> Plane:
    """Give the attenuation of the vessels of both lungs, also where no lung shows.

    Args:
        build: the patient.
        anatomy_key: names the patient, whose vessels are the same in each image.
    """
    trees = [_grow_tree(open_stream(anatomy_key, "vessels", side), side) for side in SIDES]
    total = np.zeros((SIZE, SIZE))
    for first, last, sigma, strength in _SPREAD:
        grown = [points for tree in trees for points in tree[first:last]]
        x, y = (np.concatenate([points[axis] for points in grown]) for axis in (0, 1))
        total += strength * blur(_splat(build, x, y), sigma)
    return total


def _grow_tree(stream: np.random.RandomState, side: int) -> list[tuple[Branches, Branches]]:
    """Points (x, y) along the branches, one pair of arrays a generation."""
    angle = np.linspace(-1.25, 1.35, _ROOTS) + stream.uniform(-0.12, 0.12, _ROOTS)
    x = np.full(_ROOTS, 0.13)
    y = np.linspace(-0.13, 0.08, _ROOTS) - (0.04 if side > 0 else 0.0)
    length = stream.uniform(0.16, 0.24, _ROOTS) * (1 + 0.15 * np.sin(angle))
    generations = []
    for _ in range(_GENERATIONS):
        bend = stream.uniform(-0.5, 0.5, len(angle))
        steps = np.linspace(0, 1, _STEPS)
        heading = angle[:, None] + bend[:, None] * steps
        path_x = x[:, None] + length[:, None] * np.cumsum(np.cos(heading), axis=1) / _STEPS
        path_y = y[:, None] + length[:, None] * np.cumsum(np.sin(heading), axis=1) / _STEPS
        generations.append((side * path_x.ravel(), path_y.ravel()))
        fork = stream.uniform(0.18, 0.55, len(angle))
        end = angle + bend
        angle = np.concatenate([end - fork, end + fork])
        x, y = np.tile(path_x[:, -1], 2), np.tile(path_y[:, -1], 2)
        length = np.tile(length, 2) * stream.uniform(0.62, 0.92, 2 * len(fork))
    return generations


def _splat(build: Build, x: Branches, y: Branches) -> Plane:
    """Spread each point over the four pixels around it."""
    column = (x - build.x[0, 0]) / (build.x[0, 1] - build.x[0, 0])
    row = (y - build.y[0, 0]) / (build.y[1, 0] - build.y[0, 0])
    column, row = np.clip(column, 0, SIZE - 1.001), np.clip(row, 0, SIZE - 1.001)
    left, top = column.astype(np.int64), row.astype(np.int64)
    right, down = column - left, row - top
    total = np.zeros(SIZE * SIZE)
    for dy, by_row in ((0, 1 - down), (1, down)):
        for dx, by_column in ((0, 1 - right), (1, right)):
            index = (top + dy) * SIZE + left + dx
            total += np.bincount(index, by_row * by_column, SIZE * SIZE)
    return total.reshape(SIZE, SIZE)
