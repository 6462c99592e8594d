"""Several cases become one picture, each under what was said and what is true.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrlens.report.case_title import Title, entitle
from cxrlens.report.evidence import draw_evidence, draw_lesion, find_evidence, to_colour
from cxrlens.report.figure import (
    NOTE_HEIGHT,
    PALE,
    fit,
    measure,
    open_figure,
    place_notes,
    wrap_notes,
)
from cxrlens.report.miniature import shrink_case
from cxrlens.report.records import Case
from cxrlens.vocabulary import ColourBytes, InputError

_SIDE, _GAP = 2.5, 0.12
"""Of one picture and between two, in inches."""

_LINE, _SIZE = 0.17, 8.5
"""Height of one line of a title in inches; its letters in points."""

_LEAST_WIDTH = 5.0
"""Of a figure in inches, so that the lines under it keep their shape."""


@dataclass(frozen=True, eq=False)
class _Cell:
    """One case, ready to be laid out."""

    pictures: tuple[ColourBytes, ...]
    """Side by side."""

    title: Title
    """What stands above them."""


def draw_cases(
    cases: Sequence[Case],
    *,
    columns: int = 4,
    with_maps: bool = True,
    title: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """Draw a grid of cases, each titled by what was said and, where known, by what is true.

    A right decision is green and says `right`, a wrong one is red and says `WRONG`.

    Args:
        cases: at least one; drawn row by row.
        columns: cases a row, at least 1.
        with_maps: whether the evidence for the decision lies over each image.
        title: of the whole; empty for none.
        notes: what else stands under the picture.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state.

    Raises:
        InputError: if there is no case or no column, or a map belongs to an image of another size.
    """
    small = _shrink_cases(cases)
    with_truth = any(case.truth is not None for case in small)
    draw = _draw_case if with_maps else _draw_bare
    cells = [_Cell((draw(case),), entitle(case, with_truth=with_truth)) for case in small]
    explained = [*notes, *(_explain(small) if with_maps else ())]
    return _lay_out(cells, columns, title, explained)


def draw_one_per_class(
    cases: Sequence[Case], *, columns: int = 2, title: str = "", notes: Sequence[str] = ()
) -> Figure:
    """Draw the first case of each true class: the image beside the evidence for the decision.

    The first one is taken whether it is right or wrong, so nobody has chosen.

    Args:
        cases: at least one whose truth is known; classes come in the prediction's order.
        columns: cases a row, at least 1.
        title: of the whole; empty for none.
        notes: what else stands under the picture; classes without a case are added.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state.

    Raises:
        InputError: if no truth is known or there is no column, or a map belongs to an image of
            another size.
    """
    first: dict[str, Case] = {}
    for case in cases:
        for name in case.truths:
            first.setdefault(name, case)
    if not first:
        raise InputError(
            f"none of the {len(cases)} cases has a known truth; hand in labelled ones, or draw "
            "them with draw_cases"
        )
    classes = next(iter(first.values())).prediction.classes
    order = [*(name for name in classes if name in first), *(first.keys() - set(classes))]
    # An image with several classes may be the first of more than one.
    chosen = list({id(first[name]): first[name] for name in order}.values())
    small = _shrink_cases(chosen)
    cells = [_Cell((_draw_bare(case), _draw_case(case)), entitle(case)) for case in small]
    missing = ", ".join(name for name in classes if name not in first)
    absent = [f"No case of: {missing}."] if missing else []
    return _lay_out(cells, columns, title, [*notes, *absent, *_explain(small)])


def _shrink_cases(cases: Sequence[Case]) -> list[Case]:
    if not cases:
        raise InputError("there is no case to draw; hand in at least one")
    return [shrink_case(case) for case in cases]


def _draw_bare(case: Case) -> ColourBytes:
    return to_colour(case.pixels)


def _draw_case(case: Case) -> ColourBytes:
    heatmap = find_evidence(case.prediction)
    picture = to_colour(case.pixels) if heatmap is None else draw_evidence(case.pixels, heatmap)
    return picture if case.mask is None else draw_lesion(picture, case.mask)


def _explain(cases: Sequence[Case]) -> list[str]:
    """What the colours over the images mean."""
    maps = [heatmap for case in cases if (heatmap := find_evidence(case.prediction)) is not None]
    lines = []
    if maps:
        methods = ", ".join(dict.fromkeys(heatmap.method for heatmap in maps))
        is_several = any(case.prediction.is_multilabel for case in cases)
        which = "likeliest" if is_several else "predicted"
        lines.append(
            f"Heat: where the evidence for the {which} class lies ({methods}), each image on a "
            "scale of its own."
        )
    if any(case.mask is not None and case.mask.any() for case in cases):
        lines.append("Cyan line: the true finding.")
    return lines


def _lay_out(cells: Sequence[_Cell], columns: int, title: str, notes: Sequence[str]) -> Figure:
    """Place everything by hand: a layout engine takes seconds for so many axes."""
    if columns < 1:
        raise InputError(f"a grid of {columns} columns holds nothing; ask for at least 1")
    columns = min(columns, len(cells))
    inside = len(cells[0].pictures) * (_SIDE + _GAP) - _GAP
    width = max(columns * (inside + _GAP) + _GAP, _LEAST_WIDTH)
    lines = wrap_notes(notes, width - 2 * _GAP)
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [_measure_height(row) for row in rows]
    head = _GAP + (0.32 if title else 0.0)
    height = head + sum(heights) + (len(lines) + 0.5) * NOTE_HEIGHT
    figure = open_figure(width, height, layout=None)
    if title:
        shown = fit(title, 11.0, width - 2 * _GAP, weight="bold")
        _write(figure, (_GAP, height - _GAP), shown, fontsize=11.0, weight="bold")
    top = height - head
    for row, row_height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            left = _GAP + column * (inside + _GAP)
            _place_cell(figure, cell, left, top, _measure_title(row))
        top -= row_height
    place_notes(figure, lines, _GAP)
    return figure


def _measure_title(row: Sequence[_Cell]) -> float:
    """Height of the highest title, its file's line among it, in inches."""
    return max(len(cell.title.lines) + 1 for cell in row) * _LINE


def _measure_height(row: Sequence[_Cell]) -> float:
    """Of the highest title and picture and the gap below, in inches."""
    tallest = max(min(1.0, float(p.shape[0] / p.shape[1])) for cell in row for p in cell.pictures)
    return _measure_title(row) + tallest * _SIDE + 2 * _GAP


def _place_cell(figure: Figure, cell: _Cell, left: float, top: float, below: float) -> None:
    """Write a title and show the pictures below it, from their corner and its height in inches."""
    inside = len(cell.pictures) * (_SIDE + _GAP) - _GAP
    styles = [("bold", cell.title.colour)] * len(cell.title.lines) + [("normal", PALE)]
    lines = zip((*cell.title.lines, cell.title.file), styles, strict=True)
    for number, ((before, name, after), (weight, colour)) in enumerate(lines):
        room = inside - measure(before + after, _SIZE, weight=weight)
        text = before + fit(name, _SIZE, room, weight=weight) + after
        place = left, top - number * _LINE
        _write(figure, place, text, fontsize=_SIZE, weight=weight, color=colour)
    width, height = figure.get_size_inches()
    for number, picture in enumerate(cell.pictures):
        x, y = left + number * (_SIDE + _GAP), top - below - _SIDE
        axes = figure.add_axes((x / width, y / height, _SIDE / width, _SIDE / height), anchor="NW")
        _show(axes, picture, cell.title.colour)


def _show(axes: Axes, picture: ColourBytes, colour: str) -> None:
    axes.imshow(picture)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=1.5)


def _write(figure: Figure, place: tuple[float, float], text: str, **font: str | float) -> None:
    """Write a line to the right of and below a place, in inches from the lower left corner."""
    width, height = figure.get_size_inches()
    drawn = figure.text(place[0] / width, place[1] / height, text, va="top", parse_math=False)
    drawn.set(**font)
