import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxrlens.report.figure import (
    DPI,
    fit,
    make_legible,
    measure,
    open_figure,
    save_figure,
    show_legend,
    wrap_notes,
    write_notice,
)
from cxrlens.vocabulary import NOT_A_DEVICE


def measure_drawn(text: str, size: float, weight: str) -> float:
    """How far the ink of a drawn text reaches, in inches."""
    figure = open_figure(4.0, 1.0)
    figure.text(0, 0.5, text, fontsize=size, weight=weight, parse_math=False)
    figure.canvas.draw()
    dark = np.asarray(figure.canvas.buffer_rgba())[:, :, 0] < 200
    return float(np.flatnonzero(dark.any(axis=0)).max() + 1) / DPI


@pytest.mark.parametrize("weight", ["normal", "bold"])
@pytest.mark.parametrize("text", ["normal/IM-0162-0001.jpeg", "WWWWMMMM", "AVAVAV", "illi.,:|"])
def test_widths_are_those_that_matplotlib_draws(text: str, weight: str) -> None:
    drawn = measure_drawn(text, 9.0, weight)
    assert measure(text, 9.0, weight=weight) == pytest.approx(drawn, abs=0.03)


@given(text=st.text(max_size=80), width=st.floats(0.2, 4.0))
def test_what_is_fitted_is_never_wider(text: str, width: float) -> None:
    fitted = fit(text, 8.0, width)
    assert measure(fitted, 8.0) <= width
    whole = make_legible(text)
    assert fitted == whole or "…" in fitted
    if measure(whole, 8.0) <= width:
        assert fitted == whole
    head, _, tail = fitted.partition("…")
    assert whole.startswith(head)
    assert whole.endswith(tail)


def test_as_much_as_fits_is_kept() -> None:
    fitted = fit("0123456789" * 10, 8.0, 2.0)
    assert measure(fitted, 8.0) > 2.0 - 2 * measure("0", 8.0)
    head, _, tail = fitted.partition("…")
    assert len(tail) > len(head) > 0


def test_notes_are_broken_at_words_and_none_is_lost() -> None:
    note = "several words that do not stand on one line of a narrow figure"
    lines = wrap_notes([note], 2.0)
    assert " ".join(lines) == f"{note} {NOT_A_DEVICE}"
    assert all(measure(line, 8.0) <= 2.0 for line in lines)


def test_a_legend_names_lines_whatever_they_are_called() -> None:
    names = ["_hidden", "a$_b^$c$", "plain"]
    figure = open_figure(4.0, 3.0)
    axes = figure.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        show_legend(axes, [axes.plot([0, 1])[0] for _ in names], names, "lower right")
        figure.canvas.draw()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names


def test_the_file_holds_what_was_drawn_and_the_notice(tmp_path: Path) -> None:
    figure = open_figure(3.0, 2.0)
    write_notice(figure, ["a note"])
    save_figure(tmp_path / "a.png", figure)
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (330, 220)
        assert image.info["Warning"] == NOT_A_DEVICE
        figure.canvas.draw()
        assert (np.asarray(image) == np.asarray(figure.canvas.buffer_rgba())[:, :, :3]).all()
        assert np.asarray(image).min() < 200
