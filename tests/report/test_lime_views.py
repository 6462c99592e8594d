"""The views of LIME show the right pieces in the right colour, and say how far to trust them."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrlens.report import draw_lime
from cxrlens.report.lime_views import FOR_RGB
from cxrlens.vocabulary import NOT_A_DEVICE, Geometry, InputError, LimeExplanation, LimeSettings

PIECES = np.repeat(np.repeat(np.arange(9).reshape(3, 3), 20, axis=0), 20, axis=1)
WEIGHTS = np.array([[0.4, 0.3, 0.2, 0.1, 0.0, -0.1, -0.25, -0.35, -0.8], [0.0] * 9])
GREY = np.full((60, 60), 0.5, np.float32)

FOUND = LimeExplanation(
    segments=PIECES,
    geometry=Geometry((60, 60), (60, 60), 0.0, 0.0, 60.0, 60.0),
    classes=("covid", "normal"),
    weights=WEIGHTS,
    intercepts=np.array([0.3, 0.2]),
    probabilities=np.array([0.8, 0.2]),
    r2=np.array([0.75, np.nan]),
    stability=np.array([0.95, np.nan]),
    n_samples=1300,
    settings=LimeSettings(seed=7, n_samples=2000),
)


def read_picture(axes: Axes) -> np.ndarray:
    return np.ma.filled(axes.images[0].get_array(), np.nan)


def at(picture: np.ndarray, piece: int) -> np.ndarray:
    """The middle of a piece."""
    row, col = divmod(piece, 3)
    return picture[20 * row + 10, 20 * col + 10]


def tell_notes(figure: Figure) -> str:
    return " ".join(figure.get_supxlabel().split())


def test_three_for_five_signed_and_all() -> None:
    positive, signed, full = draw_lime(FOUND, GREY).axes[:3]
    first = read_picture(positive)
    drawn = {tuple(colour) for colour in first.reshape(-1, 3)}
    assert drawn == {tuple(first[50, 50]), FOR_RGB}  # outlines alone, and none against
    assert (first[10, 20:22] == FOR_RGB).all()  # right of piece 0, just outside
    assert (first[20:22, 50] == FOR_RGB).all()  # below piece 2, the third of them
    assert (first[30, 20:22] == first[50, 50]).all()  # piece 3 is the fourth: no outline
    second = read_picture(signed).astype(int)
    grey = second[30, 30]
    for piece in (0, 1):
        assert at(second, piece)[0] > at(second, piece)[2]  # orange
    for piece in (6, 7, 8):
        assert at(second, piece)[2] > at(second, piece)[1]  # purple
    for piece in (2, 3, 4, 5):
        assert (at(second, piece) == grey).all()
    np.testing.assert_allclose(read_picture(full), WEIGHTS[0][PIECES])
    assert full.images[0].get_clim() == (-0.8, 0.8)


def test_a_class_whose_weights_are_all_the_same_is_bare_and_said_to_be() -> None:
    figure = draw_lime(FOUND, GREY)
    row = figure.axes[3:6]
    assert all((read_picture(axes) == read_picture(axes)[0, 0]).all() for axes in row)
    assert row[0].get_title(loc="left") == (
        "normal: probability 0.200\nsays nothing: all pieces weigh the same"
    )
    assert len(figure.axes) == 7  # one colour bar
    broken = replace(FOUND, weights=np.full((2, 9), np.nan))
    assert len(draw_lime(broken, GREY).axes) == 6


def test_it_says_how_it_was_made_and_how_far_it_holds() -> None:
    figure = draw_lime(FOUND, GREY)
    head = figure.axes[0].get_title(loc="left")
    assert head == "covid: probability 0.800\nR² 0.75; stability 0.95"
    notes = tell_notes(figure)
    assert "1,300 samples (at most 2,000), seed 7, 9 pieces by slic" in notes
    assert "hidden ones show grey 0.0" in notes
    assert notes.endswith(NOT_A_DEVICE)
    assert "Do not rely" not in notes
    assert "Another seed would" not in notes


def test_low_figures_are_warned_of_by_name() -> None:
    doubtful = replace(FOUND, r2=np.array([0.3, np.nan]), stability=np.array([0.6, np.nan]))
    figure = draw_lime(doubtful, GREY)
    assert "Do not rely on the weights for covid: they explain less" in tell_notes(figure)
    assert "rank the pieces otherwise for covid (" in tell_notes(figure)
    title = figure.axes[0]._left_title
    assert title.get_color() == "#b3261e"


@pytest.mark.parametrize(("hide", "words"), [("mean", "their mean"), ("blur", "a blur")])
def test_it_says_what_hidden_pieces_show(hide: str, words: str) -> None:
    settings = LimeSettings(hide_color=hide)  # type: ignore[arg-type]
    figure = draw_lime(replace(FOUND, settings=settings), GREY)
    assert f"hidden ones show {words}." in tell_notes(figure)


def test_a_large_source_is_drawn_small_and_what_was_cut_off_dim() -> None:
    crop = Geometry((1200, 1600), (60, 60), 0.0, 200.0, 1200.0, 1200.0)
    figure = draw_lime(replace(FOUND, geometry=crop), np.full((1200, 1600), 0.5, np.float32))
    first, full = read_picture(figure.axes[0]), read_picture(figure.axes[2])
    assert first.shape == (300, 400, 3)
    assert (first[:, :45] == 64).all()
    assert np.isnan(full[:, :49]).all()
    assert full[150, 200] == WEIGHTS[0, 4]
    assert full[299, 349] == WEIGHTS[0, 8]


def test_names_in_any_letters_are_drawn() -> None:
    draw_lime(replace(FOUND, classes=("$x$_\n", "肺炎")), GREY).canvas.draw()


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"belongs to an image of \(60, 60\) pixels; got one of"):
        draw_lime(FOUND, GREY[:30])
