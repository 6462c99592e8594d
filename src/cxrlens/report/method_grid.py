"""The maps of several methods for one image become one picture, side by side.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cxrlens.imaging import DEFAULT_COLOURS
from cxrlens.report.evidence import (
    check_map,
    draw_evidence,
    draw_lesion,
    draw_signed,
    has_evidence,
    to_colour,
)
from cxrlens.report.figure import fit, open_figure, write_notice
from cxrlens.vocabulary import ColourBytes, GreyImage, Heatmap, InputError, PixelMask

_SIDE = 2.3
"""Of one picture, in inches."""

_COLUMNS = 5
"""Pictures a row."""


def draw_methods(
    pixels: GreyImage,
    heatmaps: Sequence[Heatmap],
    mask: PixelMask | None = None,
    *,
    colours: str = DEFAULT_COLOURS,
    title: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """Draw an image beside the maps that several methods make of it.

    Each map is scaled by itself, so that strengths cannot be compared between methods, only
    places.

    Args:
        pixels: the source image, height x width in [0, 1].
        heatmaps: at least one, of that image.
        mask: the true finding, drawn as a line; None where it is not known.
        colours: of maps that are nowhere negative, one of `imaging.COLOURS`; others are drawn in
            two colours, on a scale that is the same for and against.
        title: of the whole; empty for none.
        notes: what else stands under the picture.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state. A map that says nothing is
        left out, and the picture says so.

    Raises:
        InputError: if there is no map, one belongs to an image of another size, or the colours
            are not known.
    """
    if not heatmaps:
        raise InputError("no map to draw; give at least one")
    panels: list[tuple[str, ColourBytes]] = [("image", to_colour(pixels))]
    for heatmap in heatmaps:
        check_map(pixels, heatmap)
        is_signed = _is_signed(heatmap)
        told = [heatmap.method, heatmap.class_name, *_find_silence(heatmap, is_signed)]
        panels.append(("\n".join(told), _draw(pixels, heatmap, is_signed, colours)))
    if mask is not None and mask.any():
        panels = [(words, draw_lesion(picture, mask)) for words, picture in panels]
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = open_figure(columns * _SIDE, rows * (_SIDE + 0.6) + 0.5)
    places = figure.add_gridspec(rows, columns)
    for number, (words, picture) in enumerate(panels):
        axes = figure.add_subplot(places[number // columns, number % columns])
        axes.imshow(picture)
        axes.set_axis_off()
        lines = [fit(line, 8.0, _SIDE - 0.1) for line in words.split("\n")]
        axes.set_title("\n".join(lines), fontsize=8.0, loc="left", parse_math=False)
    if title:
        figure.suptitle(title, fontsize=11.0, weight="bold").set_parse_math(False)
    meaning = ["Each map has its own scale: compare places, not strengths."]
    meaning += _explain_signs(heatmaps)
    if mask is not None and mask.any():
        meaning.append("Cyan line: the true finding.")
    write_notice(figure, [*notes, *meaning])
    return figure


def _explain_signs(heatmaps: Sequence[Heatmap]) -> list[str]:
    """Say what two colours mean, and in which maps: purple may be weak heat in the others."""
    has_classes = len({one.class_name for one in heatmaps}) > 1
    names = [
        f"{one.method} ({one.class_name})" if has_classes else one.method
        for one in heatmaps
        if _is_signed(one)
    ]
    if not names:
        return []
    signed = ", ".join(dict.fromkeys(names))
    return [f"In {signed}: orange speaks for the class, purple against it."]


def _is_signed(heatmap: Heatmap) -> bool:
    return heatmap.is_usable and bool(heatmap.grid.min() < 0)


def _draw(pixels: GreyImage, heatmap: Heatmap, is_signed: bool, colours: str) -> ColourBytes:
    if is_signed:
        return draw_signed(pixels, heatmap)
    return draw_evidence(pixels, heatmap, colours=colours)


def _find_silence(heatmap: Heatmap, is_signed: bool) -> list[str]:
    """What must be said of a map that shows nothing."""
    if not heatmap.is_usable:
        is_finite = bool(np.isfinite(heatmap.grid).all())
        return ["says nothing: " + ("the same everywhere" if is_finite else "not finite")]
    return [] if is_signed or has_evidence(heatmap) else ["nothing speaks for the class"]
