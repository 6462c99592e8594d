from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.evaluation import judge
from cxrlens.report import Report, draw_confusion, save_figure
from cxrlens.vocabulary import NOT_A_DEVICE

from .conftest import make_table


def test_cells_are_counts_and_shares_of_the_truth(full: Report) -> None:
    evaluation = full.evaluation
    figure = draw_confusion(evaluation, title="A title", notes=["a note"])
    axes = figure.axes[0]
    confusion = evaluation.confusion
    assert confusion is not None
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    shown = np.asarray(axes.images[0].get_array())
    for row in range(4):
        for column in range(4):
            share = confusion[row, column] / sum(confusion[row])
            assert cells[(column, row)] == f"{confusion[row, column]}\n{100 * share:.0f} %"
            assert shown[row, column] == pytest.approx(share)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(evaluation.classes)
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true", "predicted")
    assert f"accuracy {evaluation.accuracy}" in axes.get_title(loc="left")
    assert "A title" in axes.get_title(loc="left")
    assert "a note" in figure.get_supxlabel()
    assert NOT_A_DEVICE in figure.get_supxlabel()


def test_several_classes_an_image_have_outcomes_instead(full: Report) -> None:
    figure = draw_confusion(replace(full.evaluation, confusion=None, is_multilabel=True))
    cells = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    for row, report in enumerate(full.evaluation.per_class):
        has = report.outcomes.true_positives + report.outcomes.false_negatives
        found = report.outcomes.true_positives
        assert cells[(0, row)] == f"{found}\n{100 * found / has:.0f} %"
        assert cells[(2, row)].startswith(f"{report.outcomes.false_positives}\n")
        assert cells[(3, row)].startswith(f"{report.outcomes.true_negatives}\n")


@pytest.mark.parametrize("k", [2, 5, 14])
def test_any_number_of_classes_with_any_names(k: int, tmp_path: Path) -> None:
    odd = ["_hidden", "a$_b^$c$", "患者", "a\nb", "W" * 200]
    classes = tuple([*odd, *(f"class {n}" for n in range(k))][:k])
    figure = draw_confusion(judge(make_table(classes, 4 * k), resamples=40))
    save_figure(tmp_path / "a.png", figure)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["_hidden", "a$_b^$c$"]
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
    cell = axes.get_window_extent().width / k
    assert max(text.get_window_extent().width for text in axes.texts) < cell
