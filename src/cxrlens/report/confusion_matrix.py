"""An evaluation's confusion matrix becomes a picture.

SPDX-License-Identifier: Apache-2.0
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrlens.evaluation import Evaluation
from cxrlens.report.figure import POINTS, fit, make_legible, open_figure, write_notice

_CELL = 0.95
"""Side of a cell in inches; less where there are many."""

_LETTERS = 18
"""Of a class name in one line; three lines are shown."""

_MOST_UPRIGHT = 4
"""With more columns their names are slanted."""


@dataclass(frozen=True, eq=False)
class _Table:
    """Counts of images in rows and columns."""

    counts: np.ndarray
    """Rows x columns."""

    shares: np.ndarray
    """Rows x columns, in [0, 1]: of what each count is compared with."""

    rows: tuple[str, ...]
    """Their names."""

    columns: tuple[str, ...]
    """Their names."""

    labels: tuple[str, str]
    """What rows and columns are."""

    of: str
    """What the shares are of."""


def draw_confusion(evaluation: Evaluation, *, title: str = "", notes: Sequence[str] = ()) -> Figure:
    """Draw which class was taken for which: counts, and shares of each true class.

    Args:
        evaluation: with its confusion matrix; where an image may have several classes there is
            none, and the outcomes of each class are drawn instead.
        title: stands above the figures; empty for none.
        notes: what else stands under the picture.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state. Rows are the truth, columns
        the decision; the darker, the larger the share.
    """
    table = _gather(evaluation)
    n_rows, n_columns = table.counts.shape
    cell = min(_CELL, 9.0 / n_rows)
    height, width = max(2.4, n_rows * cell), max(3.2, n_columns * cell)
    figure = open_figure(width + 2.4, height + 2.3)
    axes = figure.subplots()
    axes.imshow(table.shares, cmap="Blues", vmin=0, vmax=1)
    size = max(4.5, min(10.0, POINTS * cell / 5))
    for row, column in np.ndindex(n_rows, n_columns):
        share = table.shares[row, column]
        text = f"{table.counts[row, column]}\n{100 * share:.0f} %"
        colour = "white" if share > 0.5 else "#1f2933"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    _name_sides(axes, table)
    heading = [fit(title, 10.0, width)] if title else []
    if evaluation.accuracy.value is not None:
        heading.append(f"accuracy {evaluation.accuracy}")
    heading += [f"{evaluation.n_images} images", table.of]
    axes.set_title("\n".join(heading), fontsize=10.0, loc="left", parse_math=False)
    write_notice(figure, notes)
    return figure


def _gather(evaluation: Evaluation) -> _Table:
    names = evaluation.classes
    if evaluation.confusion is not None:
        counts = evaluation.confusion
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        return _Table(counts, shares, names, names, ("true", "predicted"), "% of each row")
    outcomes = [report.outcomes for report in evaluation.per_class]
    counts = np.array(
        [
            [o.true_positives, o.false_negatives, o.false_positives, o.true_negatives]
            for o in outcomes
        ]
    )
    halves = counts.reshape(-1, 2, 2)
    shares = (halves / np.maximum(halves.sum(axis=2, keepdims=True), 1)).reshape(-1, 4)
    columns = ("has it: found", "has it: missed", "has it not: false alarm", "has it not: none")
    of = "% of those with it and without it"
    return _Table(counts, shares, names, columns, ("class", "outcome"), of)


def _name_sides(axes: Axes, table: _Table) -> None:
    rows, columns = ([_wrap(name) for name in side] for side in (table.rows, table.columns))
    axes.set_yticks(range(len(rows)), rows, fontsize=8.0, parse_math=False)
    axes.set_xticks(range(len(columns)), columns, fontsize=8.0, parse_math=False)
    if len(columns) > _MOST_UPRIGHT or max(map(len, columns)) > _LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    axes.set_ylabel(table.labels[0])
    axes.set_xlabel(table.labels[1])


def _wrap(name: str) -> str:
    lines = textwrap.wrap(make_legible(name), _LETTERS) or [""]
    return "\n".join([*lines[:2], *(["…"] if len(lines) > 3 else lines[2:])])
