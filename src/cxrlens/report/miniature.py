"""A case shrinks to the size at which it is looked at.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from PIL import Image

from cxrlens.report.evidence import check_map
from cxrlens.report.records import Case, SeenImage
from cxrlens.vocabulary import Geometry, GreyImage, PixelMask


def shrink_case(case: Case, side: int = 320) -> Case:
    """Make a case's image small, with its maps and its lesion still in their places.

    Args:
        case: of any size.
        side: the longer side of the result, in pixels.

    Returns:
        The same case where it is not larger; else one of the same proportions, without the
        prediction's regions, which lie on the source's pixels. A lesion covers every small pixel
        that it touches.

    Raises:
        InputError: if a map belongs to an image of another size.
    """
    for heatmap in case.prediction.heatmaps:
        check_map(case.pixels, heatmap)
    size = find_size(case.pixels, side)
    if size == case.pixels.shape:
        return case
    heatmaps = tuple(
        replace(heatmap, geometry=shrink_geometry(heatmap.geometry, size))
        for heatmap in case.prediction.heatmaps
    )
    return replace(
        case,
        pixels=shrink_pixels(case.pixels, size),
        prediction=replace(case.prediction, heatmaps=heatmaps, regions=()),
        mask=None if case.mask is None else _shrink_mask(case.mask, size),
    )


def find_size(pixels: GreyImage, side: int) -> tuple[int, int]:
    """Give the size at which an image is looked at.

    Args:
        pixels: height x width.
        side: the longer side of the result, in pixels.

    Returns:
        (height, width) of the same proportions; the image's own where it is not larger.
    """
    height, width = pixels.shape
    share = min(1.0, side / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def shrink_pixels(pixels: GreyImage, size: tuple[int, int]) -> SeenImage:
    """Resize an image to (height, width), antialiased."""
    image = Image.fromarray(pixels)
    small = image.resize(size[::-1], Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.clip(np.asarray(small, dtype=np.float32), 0, 1)


def shrink_geometry(box: Geometry, size: tuple[int, int]) -> Geometry:
    """Lay the network's input on the same source image of another (height, width)."""
    down, right = size[0] / box.source_size[0], size[1] / box.source_size[1]
    return Geometry(
        source_size=size,
        network_size=box.network_size,
        top=box.top * down,
        left=box.left * right,
        height=box.height * down,
        width=box.width * right,
    )


def _shrink_mask(mask: PixelMask, size: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    image = Image.fromarray(mask.astype(np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BOX)) > 0
