"""Curves become positions on a drawing that the page holds as SVG.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import TypeGuard

from matplotlib.ticker import MaxNLocator

from cxrlens.evaluation import Evaluation
from cxrlens.report.records import History
from cxrlens.vocabulary import Epoch

WIDTH, HEIGHT = 420, 320
"""Of the drawing, in SVG user units."""

LEFT, TOP, RIGHT, BOTTOM = 52.0, 12.0, 408.0, 272.0
"""Edges of the plot inside the drawing."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#333333")
"""Source: M. Okabe and K. Ito, Color Universal Design, 2008 (yellow darkened to be legible)."""

Series = Sequence[tuple[float, float]]
"""(x, y) in the units of the axes."""


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    """What the legend says; empty for none."""

    colour: str
    """As CSS."""

    is_dashed: bool
    """Whether it is drawn with gaps."""

    points: str
    """`x,y x,y …` in SVG user units."""


@dataclass(frozen=True)
class Tick:
    """One label on an axis."""

    at: float
    """Position along the axis in SVG user units."""

    text: str
    """What stands there."""


@dataclass(frozen=True)
class Chart:
    """Curves on two axes."""

    title: str
    """What is seen, for those who do not see it."""

    x_label: str
    """What goes right."""

    y_label: str
    """What goes up."""

    x_ticks: tuple[Tick, ...]
    """From left to right."""

    y_ticks: tuple[Tick, ...]
    """From bottom to top."""

    lines: tuple[Line, ...]
    """The curves."""

    marks: tuple[tuple[float, float, str], ...] = ()
    """(x, y, colour) of points that stand out, in SVG user units."""


@dataclass(frozen=True)
class _Axis:
    """From numbers to positions along one side of the plot."""

    low: float
    high: float
    start: float
    end: float
    is_whole: bool = False

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> tuple[Tick, ...]:
        values = MaxNLocator(5, integer=self.is_whole).tick_values(self.low, self.high)
        inside = [v for v in values if self.low - 1e-9 <= v <= self.high + 1e-9]
        return tuple(Tick(self.place(v), f"{v:.10g}") for v in inside)


def chart_roc(evaluation: Evaluation) -> Chart | None:
    """Draw the ROC curve of every class; of two that exclude each other the second's alone.

    Args:
        evaluation: with its curves.

    Returns:
        The chart, the diagonal of guessing among its lines; None where there is no curve.
    """
    is_mirrored = len(evaluation.classes) == 2 and not evaluation.is_multilabel
    curves = evaluation.roc[-1:] if is_mirrored else evaluation.roc
    if not curves:
        return None
    x, y = _Axis(0.0, 1.0, LEFT, RIGHT), _Axis(0.0, 1.0, BOTTOM, TOP)
    guess = Line("guessing", "#767676", True, _join(((0.0, 0.0), (1.0, 1.0)), x, y))
    lines = [
        Line(
            curve.class_name,
            COLOURS[i % len(COLOURS)],
            i >= len(COLOURS),
            _join(
                list(zip(curve.false_positive_rate, curve.true_positive_rate, strict=True)), x, y
            ),
        )
        for i, curve in enumerate(curves)
    ]
    return Chart(
        title="ROC curve: share of the class found against false alarms",
        x_label="false alarms (1 − specificity)",
        y_label="found (sensitivity)",
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        lines=(guess, *lines),
    )


def draw_unit_square(
    title: str, x_label: str, y_label: str
) -> tuple[Callable[[tuple[Line, ...]], Chart], Callable[[Series], str]]:
    """Lay out a chart whose axes both go from 0 to 1.

    Args:
        title: what is seen, for those who do not see it.
        x_label: what goes right.
        y_label: what goes up.

    Returns:
        What makes the chart of its lines, and what places points on it.
    """
    x, y = _Axis(0.0, 1.0, LEFT, RIGHT), _Axis(0.0, 1.0, BOTTOM, TOP)

    def make(lines: tuple[Line, ...]) -> Chart:
        return Chart(title, x_label, y_label, x.ticks(), y.ticks(), lines)

    return make, lambda series: _join(series, x, y)


def chart_loss(histories: Sequence[History]) -> Chart | None:
    """Draw training (dashed) and validation loss of every fold over the epochs.

    Args:
        histories: one a fold.

    Returns:
        The chart, the kept epochs marked; None where no epoch was recorded.
    """
    curves = [
        (history, name, read)
        for history in histories
        for name, read in (("training", _read_train_loss), ("validation", _read_val_loss))
    ]
    return _chart_epochs(curves, "loss")


def chart_auroc(histories: Sequence[History]) -> Chart | None:
    """Draw the validation AUROC of every fold over the epochs.

    Args:
        histories: one a fold.

    Returns:
        The chart, the kept epochs marked; None where no AUROC was recorded.
    """
    return _chart_epochs([(h, "validation", _read_auroc) for h in histories], "AUROC")


_Read = Callable[[Epoch], float | None]


def _read_train_loss(epoch: Epoch) -> float | None:
    return epoch.train_loss


def _read_val_loss(epoch: Epoch) -> float | None:
    return epoch.val_loss


def _read_auroc(epoch: Epoch) -> float | None:
    return epoch.val_auroc


def _is_known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number to draw; a loss that diverged is none."""
    return value is not None and isfinite(value)


def _chart_epochs(curves: Sequence[tuple[History, str, _Read]], y_label: str) -> Chart | None:
    read = [
        (history, name, [(float(e.epoch), v) for e in history.epochs if _is_known(v := get(e))])
        for history, name, get in curves
    ]
    points = [point for _, _, series in read for point in series]
    if not points:
        return None
    x = _span((p[0] for p in points), LEFT, RIGHT, is_whole=True)
    y = _span((p[1] for p in points), BOTTOM, TOP)
    trainings = list(dict.fromkeys((history.seed, history.fold) for history, _, _ in read))
    n_folds = len({fold for _, fold in trainings})
    lines, marks = [], []
    for history, name, series in read:
        number = trainings.index((history.seed, history.fold))
        colour = COLOURS[number % len(COLOURS)]
        seeded = name if history.seed is None else f"{name}, seed {history.seed}"
        label = f"{seeded}, fold {history.fold + 1}" if n_folds > 1 else seeded
        lines.append(Line(label, colour, name == "training", _join(series, x, y)))
        best = {e.epoch for e in history.epochs if e.is_best}
        if name == "validation":
            marks += [(x.place(a), y.place(b), colour) for a, b in series if a in best]
    return Chart(
        title=f"{y_label} over the epochs of training",
        x_label="epoch",
        y_label=y_label,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        lines=tuple(lines),
        marks=tuple(marks),
    )


def _span(values: Iterable[float], start: float, end: float, *, is_whole: bool = False) -> _Axis:
    """An axis that holds all values with a little room; never of no length."""
    known = list(values)
    low, high = min(known), max(known)
    room = float(high == low) if is_whole else max((high - low) * 0.05, 1e-3)
    return _Axis(low - room, high + room, start, end, is_whole)


def _join(series: Series, x: _Axis, y: _Axis) -> str:
    placed = ((x.place(float(a)), y.place(float(b))) for a, b in series)
    return " ".join(f"{a:g},{b:g}" for (a, b), _ in groupby(placed))
