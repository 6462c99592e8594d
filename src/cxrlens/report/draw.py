"""Records become matplotlib figures.

SPDX-License-Identifier: Apache-2.0
"""

import io
import textwrap
from collections.abc import Sequence
from functools import cache
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from cxrlens.imaging import DEFAULT_COLOURS, write_whole
from cxrlens.report.evidence import draw_evidence, find_map, has_evidence
from cxrlens.report.page import show_text
from cxrlens.report.records import Sample, SeenImage
from cxrlens.vocabulary import NOT_A_DEVICE, GreyImage, Prediction

_DECIDED, _OTHER = "#d55e00", "#9aa3ab"

_LONGEST_LINE = 52


def draw(prediction: Prediction, pixels: GreyImage, *, colours: str = DEFAULT_COLOURS) -> Figure:
    """Draw one prediction: the image with its evidence, beside bars of the probabilities.

    Args:
        prediction: what the machine says; when refused, the image stands beside the reason.
        pixels: the source image, height x width in [0, 1].
        colours: one of `imaging.COLOURS`.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state.

    Raises:
        InputError: if a map belongs to an image of another size, or the colours are not known.
    """
    figure = _open_figure(9.0, 4.6)
    image, bars = figure.subplots(1, 2, width_ratios=(1, 1))
    _draw_image(image, prediction, pixels, colours)
    if prediction.decision is None:
        _draw_refusal(bars, prediction)
    else:
        _draw_bars(bars, prediction)
    _write_notice(figure)
    return figure


def draw_grid(samples: Sequence[Sample], *, columns: int = 3) -> Figure:
    """Draw images of a data set, each raw beside what the network gets.

    Args:
        samples: at least one; drawn row by row.
        columns: samples a row.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state.
    """
    columns = min(columns, len(samples))
    rows = ceil(len(samples) / columns)
    figure = _open_figure(3.4 * columns, 2.05 * rows + 0.3)
    grid = figure.subplots(rows, 2 * columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for sample, raw, seen in zip(samples, grid[::2], grid[1::2], strict=False):
        _show_grey(raw, sample.raw)
        _show_grey(seen, sample.seen)
        _entitle(raw, 8, sample.label, "raw")
        _entitle(seen, 8, "", "as the network sees it")
    _write_notice(figure)
    return figure


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, whole or not at all.

    Args:
        path: the file; replaced where there is one.
        figure: as `draw` or `draw_grid` gives it.

    Raises:
        OutputError: if the place cannot be written.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png")
    write_whole(path, file.getvalue())


def _open_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _show_grey(axes: Axes, pixels: GreyImage | SeenImage) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)


def _draw_image(axes: Axes, prediction: Prediction, pixels: GreyImage, colours: str) -> None:
    axes.set_axis_off()
    heatmap = find_map(prediction, prediction.decision)
    if heatmap is None:
        _show_grey(axes, pixels)
        _entitle(axes, 9, prediction.image)
        return
    axes.imshow(draw_evidence(pixels, heatmap, colours=colours))
    what = "evidence for" if has_evidence(heatmap) else "no evidence found for"
    _entitle(axes, 9, prediction.image, f"{what} {heatmap.class_name} ({heatmap.method})")


def _draw_bars(axes: Axes, prediction: Prediction) -> None:
    names = [_make_legible(name) for name in prediction.classes]
    is_decided = [name == prediction.decision for name in prediction.classes]
    places = range(len(names))
    tints = [_DECIDED if decided else _OTHER for decided in is_decided]
    axes.barh(places, prediction.probabilities, color=tints)
    axes.set_yticks(places, ["\n".join(textwrap.wrap(n, 24)) for n in names], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("probability, as the network gives it (not calibrated)")
    for place, value, decided in zip(places, prediction.probabilities, is_decided, strict=True):
        weight = "bold" if decided else "normal"
        axes.text(value + 0.02, place, f"{value:.3f}", va="center", weight=weight)
    axes.spines[["top", "right"]].set_visible(False)
    _entitle(axes, 11, f"decided: {prediction.decision} ({prediction.operating_point.rule})")


def _draw_refusal(axes: Axes, prediction: Prediction) -> None:
    axes.set_axis_off()
    reason = prediction.refusal.message if prediction.refusal is not None else "no decision"
    text = "\n".join(textwrap.wrap(_make_legible(reason), 44))
    axes.text(0, 0.5, f"refused\n\n{text}", va="center", parse_math=False)


def _entitle(axes: Axes, size: int, *lines: str) -> None:
    text = "\n".join(_cut(_make_legible(line)) for line in lines)
    axes.set_title(text, fontsize=size, loc="left", parse_math=False)


def _cut(line: str) -> str:
    """Keep the end of what is too long: a file's name rather than its folder."""
    return line if len(line) <= _LONGEST_LINE else "…" + line[1 - _LONGEST_LINE :]


def _write_notice(figure: Figure) -> None:
    figure.supxlabel(NOT_A_DEVICE, fontsize=8, color="#555555")


def _make_legible(text: str) -> str:
    """Replace letters that the figure's font does not hold, instead of drawing empty boxes."""
    known = _list_letters()
    return "".join(c if ord(c) in known else ascii(c)[1:-1] for c in show_text(text))


@cache
def _list_letters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
