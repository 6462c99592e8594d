from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.evaluation import judge
from cxrlens.report import Report, draw_roc, save_figure
from cxrlens.vocabulary import NOT_A_DEVICE

from .conftest import make_table


def list_names(figure) -> list[str]:
    legend = figure.axes[0].get_legend() or figure.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def test_curves_and_figures_are_the_evaluations(full: Report) -> None:
    evaluation = full.evaluation
    figure = draw_roc(evaluation, title="A title", notes=["a note"])
    guess, *lines = figure.axes[0].lines
    assert (np.asarray(guess.get_xydata()) == [[0, 0], [1, 1]]).all()
    for curve, line in zip(evaluation.roc, lines, strict=True):
        expected = np.column_stack([curve.false_positive_rate, curve.true_positive_rate])
        assert (np.asarray(line.get_xydata()) == expected).all()
    names = [f"{one.class_name}: {one.auroc}" for one in evaluation.per_class]
    assert list_names(figure)[1:] == names
    title = figure.axes[0].get_title(loc="left")
    assert title.startswith("A title\n")
    assert f"macro AUROC {evaluation.macro_auroc}" in title
    assert "a note" in figure.get_supxlabel()
    assert NOT_A_DEVICE in figure.get_supxlabel()


def test_of_two_classes_the_second_is_drawn(bare: Report) -> None:
    two = draw_roc(bare.evaluation)
    assert len(two.axes[0].lines) == 2
    assert list_names(two)[1].startswith("PNEUMONIA: ")
    each_alone = replace(bare.evaluation, is_multilabel=True)
    assert len(draw_roc(each_alone).axes[0].lines) == 3


@pytest.mark.parametrize("k", [3, 14, 30])
def test_any_number_of_classes_with_any_names(k: int, tmp_path: Path) -> None:
    odd = ["_hidden", "a$_b^$c$", "患者", "a\nb", "W" * 200]
    classes = tuple([*odd, *(f"class {n}" for n in range(k))][:k])
    figure = draw_roc(judge(make_table(classes, 4 * k), resamples=40))
    save_figure(tmp_path / "a.png", figure)
    assert len(list_names(figure)) == k + 1
    styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines[1:]}
    assert len(styles) == min(k, 28)
    legend = figure.axes[0].get_legend() or figure.legends[0]
    plot, names = figure.axes[0].get_window_extent(), legend.get_window_extent()
    assert names.x1 <= figure.bbox.x1
    assert plot.width == pytest.approx(plot.height, rel=0.01)
    if k > 6:
        assert names.x0 >= plot.x1


def test_one_class_alone_has_no_curve(bare: Report, tmp_path: Path) -> None:
    figure = draw_roc(replace(bare.evaluation, roc=()))
    assert any("no curve" in text.get_text() for text in figure.axes[0].texts)
    save_figure(tmp_path / "a.png", figure)
