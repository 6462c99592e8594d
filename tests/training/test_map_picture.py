"""The picture of a map shows the image, the evidence where it lies, and any name.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.training.map_picture import HEIGHT, MapPanel, draw_map


def draw(pixels: np.ndarray, grid: list[list[float]], *lines: str) -> np.ndarray:
    return draw_map(MapPanel("1 covid", pixels, np.array(grid, np.float32), lines))


def test_the_image_stands_left_and_bare() -> None:
    pixels = np.random.default_rng(0).random((HEIGHT, HEIGHT)).astype(np.float32)
    picture = draw(pixels, [[0.0, 1.0], [0.0, 0.0]], "a.png")
    expected = np.repeat(np.rint(pixels * 255)[:, :, None], 3, axis=2)
    assert np.array_equal(picture[:HEIGHT, :HEIGHT], expected)


@pytest.mark.parametrize("side", [32, 224, 512])
def test_heat_lies_where_the_evidence_is(side: int) -> None:
    """A single cell of an 8 x 8 map: the weighted centre of the colour is the cell's centre."""
    grid = np.full((8, 8), -1.0)
    grid[2, 5] = 3.0
    picture = draw(np.full((side, side), 0.5, np.float32), grid.tolist()).astype(float)
    heat = np.ptp(picture[:HEIGHT, HEIGHT:], axis=2)
    rows, cols = np.indices(heat.shape)
    centre = np.array([(rows * heat).sum(), (cols * heat).sum()]) / heat.sum()
    assert centre == pytest.approx(np.array([2.5, 5.5]) * HEIGHT / 8 - 0.5, abs=0.5)


def test_no_heat_where_nothing_speaks_for_it() -> None:
    picture = draw(np.full((32, 32), 0.5, np.float32), [[-1.0, -2.0], [-1.0, -3.0]])
    assert np.ptp(picture[:HEIGHT], axis=2).max() == 0


@pytest.mark.parametrize(
    "name", ["", "患者" * 80, "a\nb\x00\udcff\u202e", "Müller/" + "x" * 300, "normal ✓"]
)
def test_any_name_fits(name: str) -> None:
    pixels = np.zeros((32, 40), np.float32)
    plain, named = draw(pixels, [[0.0]], "a.png"), draw(pixels, [[0.0]], name)
    assert plain.shape == named.shape
    assert plain.shape[1] == 2 * HEIGHT * 40 // 32
