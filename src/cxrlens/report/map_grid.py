"""The maps of several classes become one picture, on one scale for each image.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from cxrlens.report.case_title import entitle
from cxrlens.report.evidence import check_map, draw_lesion, tint, to_colour
from cxrlens.report.figure import fit, open_figure, write_notice
from cxrlens.report.miniature import shrink_case
from cxrlens.report.records import Case
from cxrlens.vocabulary import ColourBytes, InputError

_SIDE = 2.3
"""Of one picture, in inches."""


def draw_maps(
    cases: Sequence[Case],
    classes: Sequence[str] | None = None,
    *,
    columns: int = 2,
    title: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """Draw each image beside its maps for several classes: evidence for each, and against it.

    The maps of one image share a scale that is the same in both directions, so that they can be
    compared with each other, as the decision compares them.

    Args:
        cases: at least one, with maps.
        classes: whose maps; None takes all that the first case has.
        columns: cases a row, at least 1.
        title: of the whole; empty for none.
        notes: what else stands under the picture.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state.

    Raises:
        InputError: if there is no case or no column, a case lacks a map of one of the classes, or
            a map belongs to an image of another size.
    """
    if not cases or columns < 1:
        raise InputError(f"{len(cases)} cases in {columns} columns cannot be drawn; give some")
    names = cases[0].prediction.classes if classes is None else tuple(classes)
    columns = min(columns, len(cases))
    rows = -(-len(cases) // columns)
    figure = open_figure(columns * (len(names) + 1) * _SIDE, rows * (_SIDE + 0.55) + 0.5)
    places = figure.add_gridspec(rows, columns)
    for number, case in enumerate(cases):
        _draw_case(figure, places[number // columns, number % columns], case, names)
    if title:
        figure.suptitle(title, fontsize=11.0, weight="bold").set_parse_math(False)
    meaning = "Orange speaks for the class, purple against it; the maps of one image share a scale."
    with_mask = any(case.mask is not None and case.mask.any() for case in cases)
    lesion = ["Cyan line: the true finding."] if with_mask else []
    write_notice(figure, [*notes, meaning, *lesion])
    return figure


def _draw_case(figure: Figure, place: SubplotSpec, case: Case, names: Sequence[str]) -> None:
    title = entitle(case)
    pictures = _draw_pictures(shrink_case(case), names)
    logits = dict(zip(case.prediction.classes, case.prediction.logits, strict=True))
    headings = [["".join(line) for line in title.lines]]
    headings += [[f"{name}:", f"logit {logits[name]:+.2f}"] for name in names]
    cells = place.subgridspec(1, len(pictures))
    for number, (picture, lines) in enumerate(zip(pictures, headings, strict=True)):
        axes = figure.add_subplot(cells[number])
        axes.imshow(picture)
        axes.set_axis_off()
        text = "\n".join(fit(line, 8.0, _SIDE - 0.1) for line in lines)
        colour = title.colour if number == 0 else "black"
        axes.set_title(text, fontsize=8.0, loc="left", color=colour, parse_math=False)


def _draw_pictures(case: Case, names: Sequence[str]) -> list[ColourBytes]:
    """The bare image, then the map of each class over it, with the lesion's contour."""
    maps = {heatmap.class_name: heatmap for heatmap in case.prediction.heatmaps}
    missing = [name for name in names if name not in maps]
    if missing:
        raise InputError(
            f"{case.name!r} has no map for {missing[0]!r}; its maps are for {sorted(maps)}"
        )
    for name in names:
        check_map(case.pixels, maps[name])
    # NaN where the network saw nothing, and in a map that says nothing.
    heats = [np.nan_to_num(maps[name].on_source(), posinf=0, neginf=0) for name in names]
    strongest = max(float(np.abs(heat).max()) for heat in heats)
    tinted = [tint(case.pixels, heat, strongest) for heat in heats]
    if case.mask is not None and case.mask.any():
        tinted = [draw_lesion(picture, case.mask) for picture in tinted]
    return [to_colour(case.pixels), *tinted]
