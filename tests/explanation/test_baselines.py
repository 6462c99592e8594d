"""The baselines, pixel by pixel.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
import pytest
from tests.explanation.test_gradcam import make

from cxrlens.explanation import Question
from cxrlens.inference import TorchEngine


def question_of(height: int, width: int, n: int = 2) -> Question:
    pixels = np.random.default_rng(0).random((n, height, width), dtype=np.float32)
    return Question(pixels, np.zeros(n, dtype=np.int64))


@pytest.mark.parametrize("size", [(8, 8), (9, 12)])
@pytest.mark.parametrize("sigma", [0.25, 0.1])
def test_centre(size: tuple[int, int], sigma: float, engine: TorchEngine) -> None:
    found = make("centre", engine, question_of(*size), sigma=sigma)
    for row in range(size[0]):
        for col in range(size[1]):
            down = (row + 0.5 - size[0] / 2) / (sigma * size[0])
            right = (col + 0.5 - size[1] / 2) / (sigma * size[1])
            expected = math.exp(-(down**2 + right**2) / 2)
            assert found[:, row, col] == pytest.approx([expected] * 2, rel=1e-5)


def test_half_of_the_centre_is_a_quarter_of_the_image(engine: TorchEngine) -> None:
    found = make("centre", engine, question_of(200, 200, 1))
    assert np.mean(found >= found.max() / 2) == pytest.approx(math.pi * math.log(2) / 8, abs=0.005)


def test_edges(engine: TorchEngine) -> None:
    """Sobel's two masks, the border repeated."""
    question = question_of(7, 9)
    found = make("edges", engine, question)
    for n, image in enumerate(question.pixels.astype(np.float64)):
        framed = np.pad(image, 1, mode="symmetric")
        for row in range(7):
            for col in range(9):
                around = framed[row : row + 3, col : col + 3]
                down = np.array([1, 2, 1]) @ (around[2] - around[0])
                right = np.array([1, 2, 1]) @ (around[:, 2] - around[:, 0])
                assert found[n, row, col] == pytest.approx(math.hypot(down, right), rel=1e-4)


def test_random_depends_on_the_image_and_the_seed(engine: TorchEngine) -> None:
    question = question_of(32, 48)
    first, again, other = (make("random", engine, question, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1]) < 0.9
    assert abs(np.corrcoef(first[0].ravel(), other[0].ravel())[0, 1]) < 0.9
    assert first.min() == 0
    assert first.max() == 1


def test_random_points_everywhere(engine: TorchEngine) -> None:
    """No half of the image holds the peak more often than by chance (400 images, 5 sigma)."""
    peaks = [np.argmax(heat) for heat in make("random", engine, question_of(32, 32, 400))]
    rows, cols = np.unravel_index(peaks, (32, 32))
    for inside in (rows < 16, cols < 16):
        assert abs(np.mean(inside) - 0.5) < 5 * 0.5 / 20


def test_random_is_smooth(engine: TorchEngine) -> None:
    (heat,) = make("random", engine, question_of(64, 64, 1))
    assert np.abs(np.diff(heat, axis=0)).max() < 0.25
