from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from cxrlens.report import History, draw_history, save_figure
from cxrlens.vocabulary import NOT_A_DEVICE, Epoch, InputError

from .conftest import make_history

FIGURES = (
    ("train_loss", "val_loss"),
    ("train_accuracy", "val_accuracy"),
    ("val_auroc",),
    ("val_precision", "val_recall", "val_f1"),
    ("learning_rate",),
)
"""What each panel shows, written a second time."""


def fill(history: History, stages: tuple[str, ...] = ("",)) -> History:
    random = np.random.default_rng(history.fold + 9)
    names = [name for panel in FIGURES for name in panel if name not in ("val_auroc",)]
    share = len(history.epochs) / len(stages)
    return replace(
        history,
        epochs=tuple(
            replace(
                epoch,
                stage=stages[int(i / share)],
                **dict(zip(names, random.uniform(0.1, 1, len(names)).tolist(), strict=True)),
            )
            for i, epoch in enumerate(history.epochs)
        ),
    )


def list_texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(lambda x: hasattr(x, "get_text")))


@pytest.mark.parametrize("n_folds", [1, 3])
def test_lines_are_the_records_and_rings_the_kept_epochs(n_folds: int, tmp_path: Path) -> None:
    histories = [fill(make_history(fold, 6 + fold)) for fold in range(n_folds)]
    figure = draw_history(histories, title="A title", notes=["a note"])
    for axes, names in zip(figure.axes, FIGURES, strict=False):
        lines = [(name, history) for name in names for history in histories]
        assert len(axes.lines) == len(axes.collections) == len(lines)
        for (name, history), line, ring in zip(lines, axes.lines, axes.collections, strict=True):
            epochs = [epoch.epoch for epoch in history.epochs]
            values = [getattr(epoch, name) for epoch in history.epochs]
            assert (np.asarray(line.get_xdata()) == epochs).all()
            assert (np.asarray(line.get_ydata()) == values).all()
            kept = [(e.epoch, getattr(e, name)) for e in history.epochs if e.is_best]
            assert len(kept) == 1
            assert (np.asarray(ring.get_offsets()) == kept).all()
    widths = {line.get_linewidth() for axes in figure.axes[:5] for line in axes.lines}
    assert len(widths) == 1
    assert (widths.pop() < 1) == (n_folds > 1)
    texts = list_texts(figure)
    for text in ("A title", "a note", NOT_A_DEVICE, "the epoch that was kept"):
        assert text in texts
    assert ("3 folds" in texts) == (n_folds == 3)
    save_figure(tmp_path / "a.png", figure)


def test_stages_are_marked_and_named() -> None:
    figure = draw_history([fill(make_history(0, 8), ("head", "a$_b^$c$"))])
    texts = list_texts(figure)
    assert "stage 1: head, epochs 1 to 4" in texts
    assert "stage 2: a$_b^$c$, epochs 5 to 8" in texts
    for axes in figure.axes[:5]:
        (shade,) = axes.patches
        assert (shade.get_x(), shade.get_x() + shade.get_width()) == (4.5, 8.5)
        assert [text.get_text() for text in axes.texts] == ["1", "2"]
    assert not draw_history([fill(make_history(0, 8), ("head",))]).axes[0].patches
    figure.canvas.draw()


def test_what_is_not_known_or_not_finite_leaves_a_gap() -> None:
    first = make_history(0, 3).epochs
    epochs = (first[0], replace(first[1], val_loss=float("nan")), first[2])
    figure = draw_history([History(0, epochs)])
    loss = np.asarray(figure.axes[0].lines[1].get_ydata())
    assert np.isnan(loss).tolist() == [False, True, False]
    assert [text.get_text() for text in figure.axes[1].texts] == ["not known"]  # accuracy
    figure.canvas.draw()


def test_one_epoch_is_drawn_and_none_is_refused(tmp_path: Path) -> None:
    epoch = Epoch(1, 0.5, float("inf"), None, 0.0, is_best=True)
    save_figure(tmp_path / "a.png", draw_history([History(0, (epoch,))]))
    with pytest.raises(InputError, match="no epoch"):
        draw_history([History(0, ())])
