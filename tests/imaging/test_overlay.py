import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from cxrlens.imaging import colourise, layer, outline, overlay
from cxrlens.vocabulary import Geometry, Heatmap, InputError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.uniform(0, 1, (20, 30)).astype(np.float32)
BARE = np.repeat(np.rint(GREY * 255).astype(np.uint8)[:, :, None], 3, axis=2)
MARK = (1, 2, 3)


def overlay_slowly(pixels: np.ndarray, heat: np.ndarray, alpha: float) -> np.ndarray:
    """A second writing, one pixel after the other."""
    out = np.zeros((*pixels.shape, 3))
    highest = np.nanmax(heat)
    for row, col in np.ndindex(*pixels.shape):
        grey, warm = 255.0 * float(pixels[row, col]), float(heat[row, col])
        share = 0.0 if np.isnan(warm) or warm < 0 else warm / highest
        colour = colourise(np.array([[share]]))[0, 0]
        grey = grey * 0.5 if np.isnan(warm) else grey
        out[row, col] = [grey * (1 - alpha * share) + c * alpha * share for c in colour]
    return out


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_equals_a_second_writing(alpha: float) -> None:
    heat = RANDOM.normal(0, 1, GREY.shape).astype(np.float32)
    heat[:, :4] = np.nan
    found = overlay(GREY, heat, alpha=alpha)
    assert np.abs(found - overlay_slowly(GREY, heat, alpha)).max() <= 0.51


@pytest.mark.parametrize("has_unseen", [False, True])
def test_a_layer_that_is_laid_over_the_image_equals_the_overlay(has_unseen: bool) -> None:
    heat = RANDOM.normal(0, 1, GREY.shape).astype(np.float32)
    if has_unseen:
        heat[:, :4] = np.nan
    drawn = layer(heat)
    share = drawn[:, :, 3:] / 255.0
    laid = BARE * (1 - share) + drawn[:, :, :3] * share
    # Opacity comes in 255 steps, of up to 255 greys each.
    assert np.abs(laid - overlay(GREY, heat, alpha=1.0)).max() <= 1.5


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, 3.0])
def test_a_layer_of_heat_that_says_nothing_is_empty(value: float) -> None:
    assert layer(np.full_like(GREY, value)).max() == 0


def test_a_layer_in_unknown_colours_is_refused() -> None:
    with pytest.raises(InputError, match="pink"):
        layer(GREY, colours="pink")


@pytest.mark.parametrize(
    "value",
    [0.0, -1.0, np.nan, np.inf, -np.inf, 3.0],
    ids=["zero", "negative", "nan", "inf", "-inf", "same"],
)
def test_heat_that_says_nothing_leaves_the_bare_image(value: float) -> None:
    assert (overlay(GREY, np.full_like(GREY, value)) == BARE).all()


def test_one_infinite_pixel_is_enough_to_say_nothing() -> None:
    heat = RANDOM.uniform(0, 1, GREY.shape).astype(np.float32)
    heat[3, 3] = np.inf
    assert (overlay(GREY, heat) == BARE).all()


def test_a_constant_map_interpolated_stays_constant() -> None:
    geometry = Geometry((20, 30), (7, 7), 0.3, 0.1, 18.7, 29.3)
    heat = Heatmap(np.full((7, 5), 0.1, np.float32), geometry, "a", "cam").on_source()
    assert (overlay(GREY, np.nan_to_num(heat, nan=np.float32(0.1))) == BARE).all()


@given(st.integers(0, 4), st.integers(0, 4), st.floats(0, 3), st.floats(0, 5))
def test_a_hot_cell_lights_the_right_source_pixels(
    row: int, col: int, top: float, left: float
) -> None:
    grid = np.zeros((5, 5), np.float32)
    grid[row, col] = 2.0
    geometry = Geometry((20, 30), (10, 10), top, left, 15.0, 25.0)
    black = np.zeros((20, 30), np.float32)
    lit = overlay(black, Heatmap(grid, geometry, "a", "cam").on_source()).sum(axis=2)
    expected = np.array([top + (row + 0.5) * 3 - 0.5, left + (col + 0.5) * 5 - 0.5])
    brightest = np.argwhere(lit >= lit.max() * 0.999).mean(axis=0)
    if 0 < row < 4 and 0 < col < 4:  # an edge cell's value holds up to the edge
        assert np.abs(brightest - expected).max() <= 0.51
    rows, cols = np.nonzero(lit)
    assert np.abs(rows - expected[0]).max() < 3 + 0.01
    assert np.abs(cols - expected[1]).max() < 5 + 0.01


def test_unseen_pixels_are_dimmed_grey_and_nothing_else_is() -> None:
    heat = np.zeros_like(GREY)
    heat[5, 5] = 1
    heat[:, 25:] = np.nan
    drawn = overlay(GREY, heat)
    assert np.abs(drawn[:, 25:].astype(float) - 255 * GREY[:, 25:, None] / 2).max() <= 0.51
    assert (drawn[6:, :25] == BARE[6:, :25]).all()


@given(st.floats(0, 0.99), st.floats(0.001, 0.01))
def test_opacity_grows_with_heat(low: float, step: float) -> None:
    grey = np.full((1, 3), 0.5, np.float32)
    drawn = overlay(grey, np.array([[low, low + step, 1.0]], np.float32)).astype(float)
    grown = np.abs(drawn - 127.5)[0].max(axis=1)
    share = np.array([low, low + step, 1.0])
    assert (grown <= share * 0.5 * 128 + 1).all()


def test_unknown_colours_are_refused() -> None:
    with pytest.raises(InputError, match="jett"):
        overlay(GREY, np.eye(20, 30, dtype=np.float32), colours="jett")


def test_the_outline_is_the_ring_around_the_mask() -> None:
    mask = ndimage.binary_dilation(np.eye(20, 30, 5, dtype=bool))
    for width in (1, 2, 3):
        ring = ndimage.binary_dilation(mask, iterations=width) & ~mask
        drawn = outline(BARE, mask, MARK, width)
        assert ((drawn == MARK).all(axis=2) == ring).all()
        assert (drawn[~ring] == BARE[~ring]).all()


@pytest.mark.parametrize("value", [True, False])
def test_a_full_or_empty_mask_has_no_outline(value: bool) -> None:
    assert (outline(BARE, np.full((20, 30), value), MARK) == BARE).all()
