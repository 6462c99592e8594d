"""What a pair of lungs looks like: one drawn outline, mirrored, stretched into two boxes.

SPDX-License-Identifier: Apache-2.0

All places are (x, y) shares of the image's sides: (0, 0) its upper left corner, (1, 1) its lower
right one.
"""

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw

from cxrlens.vocabulary import PixelMask

LungBoxes = Float[np.ndarray, "*more 2 4"]
"""Lateral x, medial x, top y and bottom y of the lung on the left of the image (the patient's
right one), then of the other."""

Outlines = Float[np.ndarray, "*more 2 points 2"]
"""(x, y) of points around each lung, evenly spaced in the box of the outline."""

N_POINTS = 64
"""Points of each outline."""

_CORNERS = np.array(
    [
        *[(0.77, 0.0), (0.53, 0.05), (0.41, 0.1), (0.33, 0.15), (0.27, 0.2), (0.2, 0.3)],
        *[(0.14, 0.4), (0.1, 0.5), (0.08, 0.6), (0.06, 0.7), (0.04, 0.8), (0.02, 0.9)],
        *[(0.0, 1.0), (0.1, 0.95), (0.2, 0.91), (0.3, 0.885), (0.4, 0.875), (0.5, 0.875)],
        *[(0.6, 0.88), (0.7, 0.89), (0.8, 0.895), (0.88, 0.88), (0.93, 0.83), (0.95, 0.7)],
        *[(0.96, 0.55), (0.97, 0.4), (0.98, 0.25), (0.97, 0.12), (0.95, 0.05), (0.88, 0.01)],
    ]
)
"""From the apex down the chest wall to the costophrenic angle (0, 1), along the diaphragm and up
the mediastinum; x from lateral (0) to medial (1), y from top to bottom.

Source: read off the mean of 101 lung masks of 61 patients (V7 Labs, CC BY 4.0), each lung
stretched to its box; right and left differ by less than 0.03 and share one outline. These masks
go along the spine, so the left one holds the part of the heart over the left lung.
"""


def _space_evenly(corners: Float[np.ndarray, "corners 2"]) -> Float[np.ndarray, "points 2"]:
    closed = np.vstack([corners, corners[:1]])
    way = np.append(0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T)))
    steps = np.linspace(0, way[-1], N_POINTS, endpoint=False)
    return np.stack([np.interp(steps, way, closed[:, axis]) for axis in (0, 1)], axis=1)


_OUTLINE = _space_evenly(_CORNERS)

IS_HEART: Bool[np.ndarray, "2 points"] = np.stack(
    [np.zeros(N_POINTS, bool), (_OUTLINE[:, 0] > 0.45) & (_OUTLINE[:, 1] > 0.38)]
)
"""Where the outline crosses the heart, so that no border is to be seen."""


def place_pair(middle: tuple[float, float], width: float, height: float) -> LungBoxes:
    """Give the boxes of two equal lungs.

    Args:
        middle: (x, y) between both.
        width: of both together.
        height: of each.

    Returns:
        Their boxes; between them are 11 % of the width (the median of the masks above).
    """
    sides = np.array([[-1.0, -0.11], [1.0, 0.11]]) * width / 2 + middle[0]
    ends = np.broadcast_to(middle[1] + np.array([-0.5, 0.5]) * height, (2, 2))
    return np.concatenate([sides, ends], axis=1)


def trace(boxes: LungBoxes) -> Outlines:
    """Stretch the outline into boxes.

    Args:
        boxes: of both lungs; leading axes are kept.

    Returns:
        Points in the order of the outline.
    """
    lateral, medial, top, bottom = np.moveaxis(boxes[..., None], -2, 0)
    x = lateral + _OUTLINE[:, 0] * (medial - lateral)
    y = top + _OUTLINE[:, 1] * (bottom - top)
    return np.stack([x, y], axis=-1)


def find_normals(outlines: Outlines) -> Outlines:
    """Give the direction out of the lung in each point, of length 1.

    Args:
        outlines: of both lungs; leading axes are kept.

    Returns:
        (x, y) steps.
    """
    along = np.roll(outlines, -1, axis=-2) - np.roll(outlines, 1, axis=-2)
    across = np.stack([along[..., 1], -along[..., 0]], axis=-1)
    length = np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    turn = np.array([-1.0, 1.0])[:, None, None]  # the second lung runs the other way round
    return np.asarray(turn * across / length)


def fill(outlines: Outlines, size: tuple[int, int]) -> PixelMask:
    """Paint both lungs.

    Args:
        outlines: of both lungs.
        size: (height, width) in pixels.

    Returns:
        True in either.
    """
    image = Image.new("L", size[::-1])
    pen = ImageDraw.Draw(image)
    for outline in outlines * size[::-1] - 0.5:
        pen.polygon(outline.ravel().tolist(), fill=1)
    return np.asarray(image) > 0
