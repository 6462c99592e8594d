"""How trainings went becomes a picture of learning curves.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cxrlens.report.figure import fit, open_figure, show_legend, write_notice
from cxrlens.report.records import History
from cxrlens.vocabulary import Epoch, InputError

_BLUE, _ORANGE, _GREEN, _PURPLE, _GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"
_BLACK = "#222222"

_TRAINING = "training: augmented, while the weights move"

_KEY_WIDTH = 3.5
"""Of what stands in the last panel, in inches."""

_SHOWN_STAGES = 8
"""A recipe with more is said to have more."""


@dataclass(frozen=True)
class _Curve:
    """One figure over the epochs."""

    name: str
    """What the key calls it."""

    read: Callable[[Epoch], float | None]
    """Gives it."""

    colour: str
    """Of its lines."""

    style: Literal["-", "--", "-.", ":"]
    """Of its lines, as matplotlib's."""


@dataclass(frozen=True)
class _Stage:
    """The epochs that a stage takes; of several trainings, from the earliest to the latest."""

    name: str
    """As the recipe calls it."""

    first: int
    """Its first epoch, counted over all stages."""

    last: int
    """Its last."""


_PANELS: tuple[tuple[str, tuple[_Curve, ...]], ...] = (
    (
        "loss",
        (
            _Curve(_TRAINING, lambda epoch: epoch.train_loss, _BLUE, "--"),
            _Curve("validation", lambda epoch: epoch.val_loss, _ORANGE, "-"),
        ),
    ),
    (
        "accuracy",
        (
            _Curve(_TRAINING, lambda epoch: epoch.train_accuracy, _BLUE, "--"),
            _Curve("validation", lambda epoch: epoch.val_accuracy, _ORANGE, "-"),
        ),
    ),
    (
        "macro AUROC on validation",
        (_Curve("validation", lambda epoch: epoch.val_auroc, _ORANGE, "-"),),
    ),
    (
        "macro precision, recall, F1 on validation",
        (
            _Curve("precision", lambda epoch: epoch.val_precision, _GREEN, "-."),
            _Curve("recall", lambda epoch: epoch.val_recall, _PURPLE, ":"),
            _Curve("F1", lambda epoch: epoch.val_f1, _BLACK, "-"),
        ),
    ),
    (
        "learning rate of the head",
        (_Curve("learning rate", lambda epoch: epoch.learning_rate, _GREY, "-"),),
    ),
)


def draw_history(
    histories: Sequence[History], *, title: str = "", notes: Sequence[str] = ()
) -> Figure:
    """Draw the learning curves: loss, accuracy, AUROC, precision, recall, F1 and learning rate.

    A line a training, thin where there are several; a figure that is not known or finite leaves a
    gap. A ring marks the epoch whose weights were kept; every other stage is shaded.

    Args:
        histories: one a training; at least one epoch among them.
        title: of the whole; empty for none.
        notes: what else stands under the picture.

    Returns:
        A figure of five panels and a key on an Agg canvas, outside of pyplot's global state.

    Raises:
        InputError: if there is no epoch.
    """
    if not any(history.epochs for history in histories):
        raise InputError("no epoch was recorded, so there is no learning curve; train one first")
    figure = open_figure(11.0, 6.4)
    *panels, key = figure.subplots(2, 3).ravel()
    stages = _find_stages(histories)
    for axes, (name, curves) in zip(panels, _PANELS, strict=True):
        _draw_panel(axes, name, curves, histories)
        _mark_stages(axes, stages)
    if any(epoch.learning_rate > 0 for history in histories for epoch in history.epochs):
        panels[-1].set_yscale("log")
    has_seeds = any(history.seed is not None for history in histories)
    thin = f"{len(histories)} {'models' if has_seeds else 'folds'}" if len(histories) > 1 else ""
    _write_key(key, stages, thin)
    if title:
        shown = fit(title, 11.0, 10.5, weight="bold")
        figure.suptitle(shown, fontsize=11.0, weight="bold").set_parse_math(False)
    write_notice(figure, notes)
    return figure


def _draw_panel(
    axes: Axes, name: str, curves: Sequence[_Curve], histories: Sequence[History]
) -> None:
    axes.set_title(name, fontsize=10.0, loc="left")
    axes.set_xlabel("epoch", fontsize=8.0)
    axes.tick_params(labelsize=8.0)
    axes.margins(y=0.12)  # room for the numbers of the stages
    axes.grid(visible=True, color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    epochs = [epoch.epoch for history in histories for epoch in history.epochs]
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.ticklabel_format(axis="y", useOffset=False)
    width = 1.7 if len(histories) == 1 else 0.8
    for curve in curves:
        _draw_curve(axes, curve, histories, width)
    known = [
        isfinite(_know(curve.read(epoch)))
        for curve in curves
        for history in histories
        for epoch in history.epochs
    ]
    if not any(known):
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color=_GREY)


def _draw_curve(axes: Axes, curve: _Curve, histories: Sequence[History], width: float) -> None:
    """Draw one line a training and a ring around each kept epoch."""
    for history in histories:
        numbers = [epoch.epoch for epoch in history.epochs]
        values = [_know(curve.read(epoch)) for epoch in history.epochs]
        axes.plot(
            numbers, values, curve.style, color=curve.colour, linewidth=width, marker=".", ms=4
        )
        kept = [number for number, epoch in enumerate(history.epochs) if epoch.is_best]
        axes.scatter(
            [numbers[n] for n in kept], [values[n] for n in kept], s=44, facecolors="none",
            edgecolors=curve.colour, zorder=3,
        )  # fmt: skip


def _know(value: float | None) -> float:
    """A number to draw, or a gap: a loss that diverged is none."""
    return value if value is not None and isfinite(value) else nan


def _find_stages(histories: Sequence[History]) -> list[_Stage]:
    """The stages in the order in which they were trained."""
    spans: dict[str, tuple[int, int]] = {}
    for history in histories:
        for epoch in history.epochs:
            first, last = spans.get(epoch.stage, (epoch.epoch, epoch.epoch))
            spans[epoch.stage] = min(first, epoch.epoch), max(last, epoch.epoch)
    stages = [_Stage(name, *span) for name, span in spans.items()]
    return sorted(stages, key=lambda stage: stage.first)


def _mark_stages(axes: Axes, stages: Sequence[_Stage]) -> None:
    """Shade every other stage and number them all, where there are several."""
    if len(stages) < 2:
        return
    for number, stage in enumerate(stages, start=1):
        if number % 2 == 0:
            axes.axvspan(stage.first - 0.5, stage.last + 0.5, color="#e8edf3", zorder=0, lw=0)
        middle = (stage.first + stage.last) / 2
        axes.text(
            middle, 0.99, str(number), transform=axes.get_xaxis_transform(), ha="center", va="top",
            fontsize=8.0, color=_GREY,
        )  # fmt: skip


def _write_key(axes: Axes, stages: Sequence[_Stage], thin: str) -> None:
    """Say what lines, rings and shading mean."""
    axes.set_axis_off()
    curves = {curve.name: curve for _, of_panel in _PANELS[:-1] for curve in of_panel}
    lines = [Line2D([], [], color=c.colour, linestyle=c.style) for c in curves.values()]
    names = list(curves)
    lines.append(Line2D([], [], marker="o", linestyle="", fillstyle="none", color=_ORANGE))
    names.append("the epoch that was kept")
    if thin:
        lines.append(Line2D([], [], color=_GREY, linewidth=0.8))
        names.append(f"one thin line for each of {thin}")
    show_legend(axes, lines, names, "upper left")
    shown = [_tell_stage(*numbered) for numbered in enumerate(stages[:_SHOWN_STAGES], start=1)]
    if len(stages) > _SHOWN_STAGES:
        shown.append(f"… and {len(stages) - _SHOWN_STAGES} more stages")
    axes.text(
        0, 0, "\n".join(shown), transform=axes.transAxes, va="bottom", fontsize=8.0,
        parse_math=False,
    )  # fmt: skip


def _tell_stage(number: int, stage: _Stage) -> str:
    epochs = f"epochs {stage.first} to {stage.last}"
    name = fit(stage.name or "unnamed", 8.0, _KEY_WIDTH - 2)
    return f"stage {number}: {name}, {epochs}"
