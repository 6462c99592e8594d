from dataclasses import replace

import numpy as np
import pytest

from cxrlens.report import History, Report
from cxrlens.report.chart import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Chart,
    chart_auroc,
    chart_loss,
    chart_roc,
)
from cxrlens.vocabulary import Epoch


def read_points(chart: Chart, line: int) -> np.ndarray:
    return np.array([list(map(float, p.split(","))) for p in chart.lines[line].points.split()])


def make_epochs(losses: list[float], aurocs: list[float | None], best: int) -> History:
    rows = zip(losses, aurocs, strict=True)
    return History(
        0, tuple(Epoch(i + 1, 1.0, a, b, 1e-3, i == best) for i, (a, b) in enumerate(rows))
    )


def test_the_area_under_the_drawn_curve_is_the_auroc(full: Report) -> None:
    chart = chart_roc(full.evaluation)
    assert chart is not None
    for i, row in enumerate(full.evaluation.per_class):
        points = read_points(chart, i + 1)
        x, y = (points[:, 0] - LEFT) / (RIGHT - LEFT), (BOTTOM - points[:, 1]) / (BOTTOM - TOP)
        assert chart.lines[i + 1].name == row.class_name
        assert float(np.trapezoid(y, x)) == pytest.approx(row.auroc.value, abs=2e-3)


def test_two_classes_have_one_curve(bare: Report) -> None:
    chart = chart_roc(bare.evaluation)
    assert chart is not None
    assert [line.name for line in chart.lines] == ["guessing", "PNEUMONIA"]


def test_without_curves_there_is_no_chart(bare: Report) -> None:
    assert chart_roc(replace(bare.evaluation, roc=())) is None


def test_the_kept_epoch_is_marked_where_it_is() -> None:
    chart = chart_loss([make_epochs([3.0, 2.0, 1.0], [0.5, 0.6, 0.7], 1)])
    assert chart is not None
    assert [line.name for line in chart.lines] == ["training", "validation"]
    assert [line.is_dashed for line in chart.lines] == [True, False]
    middle = ((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2)
    (mark,) = chart.marks
    assert mark[0] == pytest.approx(middle[0], abs=0.1)
    assert mark[1] == pytest.approx(read_points(chart, 1)[1, 1])
    assert [t.text for t in chart.x_ticks] == ["1", "2", "3"]


def test_ticks_say_where_they_are() -> None:
    chart = chart_auroc([make_epochs([1.0] * 4, [0.5, 0.7, 0.8, 0.9], 3)])
    assert chart is not None
    at = np.array([t.at for t in chart.y_ticks])
    value = np.array([float(t.text) for t in chart.y_ticks])
    slope, offset = np.polyfit(value, at, 1)
    ends = read_points(chart, 0)[[0, -1], 1]
    assert np.abs(slope * np.array([0.5, 0.9]) + offset - ends).max() < 0.2


def test_five_folds_have_five_colours(full: Report) -> None:
    histories = [replace(full.histories[0], fold=fold) for fold in range(5)]
    chart = chart_auroc(histories)
    assert chart is not None
    assert len({line.colour for line in chart.lines}) == 5
    assert chart.lines[4].name == "validation, fold 5"
    assert len(chart.marks) == 5


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_not_drawn(value: float | None) -> None:
    assert chart_auroc([make_epochs([1.0, 1.0], [value, value], 0)]) is None
    chart = chart_auroc([make_epochs([1.0, 1.0], [value, 0.5], 0)])
    assert chart is not None
    assert len(read_points(chart, 0)) == 1
    assert chart.marks == ()


def test_a_loss_that_diverged_is_not_drawn() -> None:
    chart = chart_loss([make_epochs([1.0, float("nan"), float("inf")], [None] * 3, 0)])
    assert chart is not None
    assert [len(read_points(chart, line)) for line in (0, 1)] == [3, 1]


def test_one_epoch_is_enough() -> None:
    chart = chart_loss([make_epochs([1.0], [0.5], 0)])
    assert chart is not None
    assert {float(t.text).is_integer() for t in chart.x_ticks} == {True}
    assert [t.at for t in chart.x_ticks if t.text == "1"] == [read_points(chart, 0)[0, 0]]


def test_no_epochs_no_chart() -> None:
    assert chart_loss([]) is None
    assert chart_auroc([History(0, ())]) is None
