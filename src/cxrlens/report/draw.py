"""One prediction, or the images of a data set, become a matplotlib figure.

SPDX-License-Identifier: Apache-2.0
"""

import textwrap
from collections.abc import Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrlens.imaging import DEFAULT_COLOURS
from cxrlens.report.evidence import draw_evidence, find_evidence, has_evidence
from cxrlens.report.figure import fit, make_legible, measure, open_figure, write_notice
from cxrlens.report.records import Sample, SeenImage
from cxrlens.vocabulary import GreyImage, Prediction

_DECIDED, _OTHER = "#d55e00", "#9aa3ab"

_PREDICTION_WIDTH, _SAMPLE_WIDTH = 4.2, 1.65
"""Room for a title over one prediction and over one picture of a grid, in inches."""


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
    figure = open_figure(9.0, 4.6)
    image, bars = figure.subplots(1, 2, width_ratios=(1, 1))
    _draw_image(image, prediction, pixels, colours)
    if prediction.refusal is not None:
        _draw_refusal(bars, prediction)
    else:
        _draw_bars(bars, prediction)
    write_notice(figure)
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
    figure = open_figure(3.4 * columns, 2.05 * rows + 0.3)
    grid = figure.subplots(rows, 2 * columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for sample, raw, seen in zip(samples, grid[::2], grid[1::2], strict=False):
        _show_grey(raw, sample.raw)
        _show_grey(seen, sample.seen)
        _entitle(raw, 8.0, _SAMPLE_WIDTH, sample.label, "raw")
        _entitle(seen, 8.0, _SAMPLE_WIDTH, "", "as the network sees it")
    write_notice(figure)
    return figure


def _show_grey(axes: Axes, pixels: GreyImage | SeenImage) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)


def _draw_image(axes: Axes, prediction: Prediction, pixels: GreyImage, colours: str) -> None:
    axes.set_axis_off()
    heatmap = find_evidence(prediction)
    if heatmap is None:
        _show_grey(axes, pixels)
        _entitle(axes, 9.0, _PREDICTION_WIDTH, prediction.image)
        return
    axes.imshow(draw_evidence(pixels, heatmap, colours=colours))
    what = "evidence for" if has_evidence(heatmap) else "no evidence found for"
    evidence = f"{what} {heatmap.class_name} ({heatmap.method})"
    _entitle(axes, 9.0, _PREDICTION_WIDTH, prediction.image, evidence)


def _draw_bars(axes: Axes, prediction: Prediction) -> None:
    names = [textwrap.wrap(make_legible(name), 24) or [""] for name in prediction.classes]
    decided = prediction.decisions if prediction.is_multilabel else (prediction.decision,)
    is_decided = [name in decided for name in prediction.classes]
    places = range(len(names))
    tints = [_DECIDED if stands_out else _OTHER for stands_out in is_decided]
    axes.barh(places, prediction.probabilities, color=tints)
    axes.set_yticks(places, ["\n".join(lines) for lines in names], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("probability, as the network gives it (not calibrated)")
    for place, value, stands_out in zip(places, prediction.probabilities, is_decided, strict=True):
        weight = "bold" if stands_out else "normal"
        axes.text(value + 0.02, place, f"{value:.3f}", va="center", weight=weight)
    axes.spines[["top", "right"]].set_visible(False)
    title = f"decided: {prediction.verdict} ({prediction.operating_point.rule})"
    names_width = max(measure(line, 10.0) for lines in names for line in lines)
    _entitle(axes, 11.0, _PREDICTION_WIDTH - names_width, title)


def _draw_refusal(axes: Axes, prediction: Prediction) -> None:
    axes.set_axis_off()
    reason = prediction.refusal.message if prediction.refusal is not None else "no decision"
    text = "\n".join(textwrap.wrap(make_legible(reason), 44))
    axes.text(0, 0.5, f"refused\n\n{text}", va="center", parse_math=False)


def _entitle(axes: Axes, size: float, width: float, *lines: str) -> None:
    text = "\n".join(fit(line, size, width) for line in lines)
    axes.set_title(text, fontsize=size, loc="left", parse_math=False)
