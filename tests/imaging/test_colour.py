import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import rgb_to_hsv

from cxrlens.imaging import COLOURS, DEFAULT_COLOURS, colourise
from cxrlens.vocabulary import InputError

RAMP = np.linspace(0, 1, 256)[None, :]


@pytest.mark.parametrize("name", COLOURS)
def test_equals_matplotlib(name: str) -> None:
    theirs = colormaps[name](RAMP)[:, :, :3] * 255
    assert np.abs(colourise(RAMP, name) - theirs).max() <= 0.5


def test_the_default_is_never_near_grey_and_only_grows_lighter() -> None:
    colours = colourise(RAMP)[0].astype(float)
    assert (colours.max(axis=1) - colours.min(axis=1)).min() > 100
    assert rgb_to_hsv(colours / 255)[:, 1].min() > 0.5
    lightness = colours @ (0.2126, 0.7152, 0.0722)
    assert np.diff(lightness).min() > -0.6  # rounding to bytes


@given(st.floats(-2, 3))
def test_what_lies_outside_is_the_nearer_end(value: float) -> None:
    inside = np.clip(np.array([[value]]), 0, 1)
    assert (colourise(np.array([[value]])) == colourise(inside)).all()


def test_nan_is_no_heat() -> None:
    assert (colourise(np.array([[np.nan]])) == colourise(np.array([[0.0]]))).all()


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'plasmo' are not known; did you mean 'plasma'"):
        colourise(RAMP, "plasmo")
    assert DEFAULT_COLOURS in COLOURS
