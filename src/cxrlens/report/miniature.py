"""A case shrinks to the size at which it is looked at.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from PIL import Image

from cxrlens.report.evidence import check_map
from cxrlens.report.records import Case, SeenImage
from cxrlens.vocabulary import Geometry, GreyImage, Heatmap, PixelMask


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
    height, width = case.pixels.shape
    share = side / max(height, width)
    if share >= 1:
        return case
    size = max(1, round(height * share)), max(1, round(width * share))
    heatmaps = tuple(_move(heatmap, size) for heatmap in case.prediction.heatmaps)
    return replace(
        case,
        pixels=_shrink(case.pixels, size),
        prediction=replace(case.prediction, heatmaps=heatmaps, regions=()),
        mask=None if case.mask is None else _shrink_mask(case.mask, size),
    )


def _shrink(pixels: GreyImage, size: tuple[int, int]) -> SeenImage:
    image = Image.fromarray(pixels)
    small = image.resize(size[::-1], Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.clip(np.asarray(small, dtype=np.float32), 0, 1)


def _shrink_mask(mask: PixelMask, size: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    image = Image.fromarray(mask.astype(np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BOX)) > 0


def _move(heatmap: Heatmap, size: tuple[int, int]) -> Heatmap:
    """Lay a map on the same image of another size."""
    box = heatmap.geometry
    down, right = size[0] / box.source_size[0], size[1] / box.source_size[1]
    geometry = Geometry(
        source_size=size,
        network_size=box.network_size,
        top=box.top * down,
        left=box.left * right,
        height=box.height * down,
        width=box.width * right,
    )
    return replace(heatmap, geometry=geometry)
