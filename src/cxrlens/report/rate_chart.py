"""A range test of the learning rate becomes a picture and the table behind it.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
from pathlib import Path

from matplotlib.figure import Figure

from cxrlens.imaging import write_whole
from cxrlens.report.figure import make_legible, open_figure, save_figure, write_notice
from cxrlens.vocabulary import RateSearch

_LOSS, _SMOOTHED = "#9aa3ab", "#0072b2"

_MARKS = (("steepest descent", "#009e73"), ("minimum / 10", "#d55e00"))


def draw_rate_search(search: RateSearch, title: str) -> Figure:
    """Draw the loss over the learning rate, with the rates that are suggested.

    Args:
        search: what was seen.
        title: what was trained.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state.
    """
    figure = open_figure(7.0, 4.6)
    axes = figure.subplots()
    rates = [trial.learning_rate for trial in search.trials]
    losses = [trial.loss for trial in search.trials]
    smoothed = [trial.smoothed_loss for trial in search.trials]
    axes.plot(rates, losses, color=_LOSS, linewidth=0.8, label="loss of a step")
    axes.plot(rates, smoothed, color=_SMOOTHED, label="smoothed")
    suggested = (search.steepest, search.tenth_of_minimum)
    for (name, colour), rate in zip(_MARKS, suggested, strict=True):
        if rate is not None:
            label = f"{name}: {rate:.2g}"
            axes.axvline(rate, color=colour, linestyle="--", linewidth=1, label=label)
    axes.set_xscale("log")
    if smoothed:
        # A diverging step may be a million times larger than all that is to be seen.
        room = 0.2 * (max(smoothed) - min(smoothed)) or 0.1
        axes.set_ylim(min(smoothed) - room, max(smoothed) + room)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss in training")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8)
    axes.set_title(make_legible(title), fontsize=10, loc="left", parse_math=False)
    write_notice(figure)
    return figure


def write_rate_search(folder: Path, search: RateSearch, title: str) -> tuple[Path, Path]:
    """Write `learning-rate.png` and `learning-rate.csv`, each whole or not at all.

    Args:
        folder: where to; must exist.
        search: what was seen.
        title: what was trained.

    Returns:
        The picture and the table.

    Raises:
        OutputError: if the folder cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "learning_rate", "loss", "smoothed_loss"])
    writer.writerows(
        [step, trial.learning_rate, trial.loss, trial.smoothed_loss]
        for step, trial in enumerate(search.trials, start=1)
    )
    picture, table = folder / "learning-rate.png", folder / "learning-rate.csv"
    write_whole(table, text.getvalue().encode())
    save_figure(picture, draw_rate_search(search, title))
    return picture, table
