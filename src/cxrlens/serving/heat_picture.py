"""A stored heat-map becomes a picture that lies on the whole image.

SPDX-License-Identifier: Apache-2.0
"""

import io
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Row

from cxrlens.imaging import layer
from cxrlens.vocabulary import Geometry, Heatmap

LONGEST_SIDE = 768
"""Pixels: maps are coarse, and the viewer stretches them smoothly."""


def draw_heat(row: Row[Any]) -> bytes:
    """Draw a heat-map.

    Args:
        row: of the table `heatmap`.

    Returns:
        A PNG with opacity that covers exactly the whole source image.
    """
    grid = np.frombuffer(row.grid, dtype="<f4").reshape(row.rows, row.cols)
    found = Heatmap(grid, _shrink(row.geometry), row.class_name, row.method)
    drawn = io.BytesIO()
    Image.fromarray(layer(found.on_source())).save(drawn, "PNG", compress_level=1)
    return drawn.getvalue()


def _shrink(plain: dict[str, Any]) -> Geometry:
    """The geometry on a source of at most `LONGEST_SIDE`; each axis keeps its own exact scale."""
    height, width = plain["source_size"]
    share = min(1.0, LONGEST_SIDE / max(height, width))
    rows, cols = max(1, round(height * share)), max(1, round(width * share))
    down, across = rows / height, cols / width
    return Geometry(
        (rows, cols),
        (plain["network_size"][0], plain["network_size"][1]),
        plain["top"] * down,
        plain["left"] * across,
        plain["height"] * down,
        plain["width"] * across,
    )
