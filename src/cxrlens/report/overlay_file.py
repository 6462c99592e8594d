"""A heat-map over its radiograph becomes a PNG file.

SPDX-License-Identifier: Apache-2.0
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cxrlens.imaging import DEFAULT_COLOURS, write_whole
from cxrlens.report.evidence import check_map, draw_contours, draw_evidence, draw_signed
from cxrlens.vocabulary import (
    NOT_A_DEVICE,
    ColourBytes,
    GreyImage,
    Heatmap,
    InputError,
    PixelMask,
    suggest,
)

MapView = Literal["heat", "contours", "signed"]
"""What speaks for the class as heat; lines around its regions, with nothing over the pixels; what
speaks for it and against it, on one scale."""

MAP_VIEWS: tuple[MapView, ...] = get_args(MapView)


def read_map_views(names: Sequence[str]) -> tuple[MapView, ...]:
    """Find views by their names.

    Args:
        names: of `MAP_VIEWS`.

    Returns:
        Each once, in their order.

    Raises:
        InputError: if one is not known.
    """
    unknown = [name for name in names if name not in MAP_VIEWS]
    if unknown:
        raise InputError(f"unknown view {unknown[0]!r} of a map; {suggest(unknown[0], MAP_VIEWS)}")
    return tuple(view for view in MAP_VIEWS if view in names)


def save_overlay(
    path: Path,
    heatmap: Heatmap,
    pixels: GreyImage,
    *,
    colours: str = DEFAULT_COLOURS,
    view: MapView = "heat",
    regions: PixelMask | None = None,
) -> None:
    """Write a map over its source image as PNG, of the source image's size.

    The file says inside that it is research software's, and which class and method it shows.

    Args:
        path: the file; replaced where there is one.
        heatmap: a map of that image.
        pixels: the source image, height x width in [0, 1].
        colours: one of `imaging.COLOURS`, for the view `heat`.
        view: how it is drawn.
        regions: the same pixels, True inside what the view `contours` draws its lines around.

    Raises:
        InputError: if the map belongs to an image of another size, the colours are not known, or
            there are no regions to draw lines around.
        OutputError: if the place cannot be written.
    """
    texts = PngInfo()
    texts.add_itxt("Warning", NOT_A_DEVICE)
    texts.add_itxt("Title", f"evidence for {heatmap.class_name} ({heatmap.method})")
    file = io.BytesIO()
    picture = Image.fromarray(_draw(heatmap, pixels, colours, view, regions))
    picture.save(file, "PNG", pnginfo=texts)
    write_whole(path, file.getvalue())


def _draw(
    heatmap: Heatmap, pixels: GreyImage, colours: str, view: MapView, regions: PixelMask | None
) -> ColourBytes:
    if view == "signed":
        return draw_signed(pixels, heatmap)
    if view == "heat":
        return draw_evidence(pixels, heatmap, colours=colours)
    check_map(pixels, heatmap)
    if regions is None:
        raise InputError("lines are drawn around regions; give their pixels")
    return draw_contours(pixels, regions)
