"""Speed as a picture: how much of the limit is reached, and how far the reference is behind.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cxrlens.benchmark.answering_speed import REFERENCE, AnsweringSpeed
from cxrlens.report.figure import make_legible, open_figure

_COLOURS = {"limit": "#c7d0d8", "predict": "#0072b2", REFERENCE: "#d55e00"}

_ROW = 0.62
"""Height of a network's bars, in inches."""


def draw_speed(speeds: Sequence[AnsweringSpeed], title: str) -> Figure:
    """Draw images a second, on a logarithmic scale, with quartiles.

    Args:
        speeds: one a network and precision.
        title: the machine.

    Returns:
        A figure on an Agg canvas.
    """
    figure = open_figure(7.5, 1.4 + _ROW * len(speeds))
    axes = figure.subplots()
    places = np.arange(len(speeds))[::-1].astype(np.float64)
    thickness = 0.8 / len(_COLOURS)
    for number, (side, colour) in enumerate(_COLOURS.items()):
        quartiles = np.array([speed.rates[side].per_second for speed in speeds])
        middle = quartiles[:, 1]
        spread = np.abs(quartiles[:, [0, 2]] - middle[:, None]).T
        at = places + thickness * (1 - number)
        axes.barh(at, middle, thickness, color=colour, label=make_legible(side), xerr=spread,
                  error_kw={"elinewidth": 0.8, "ecolor": "#444444"})  # fmt: skip
        for place, value in zip(at, middle, strict=True):
            axes.annotate(f" {value:.3g}", (value, place), va="center", fontsize=7)
    axes.set_yticks(places, [f"{one.network}\n{one.precision}" for one in speeds], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("images a second, from files to decisions, maps and regions")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(make_legible(title), fontsize=9, loc="left", parse_math=False)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8
    )
    return figure
