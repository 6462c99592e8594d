"""SmoothGrad is the mean gradient over noise of the stated size.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import torch
from tests.explanation.test_gradcam import make

from cxrlens.explanation import Question
from cxrlens.inference import TorchEngine


def find_slope(engine: TorchEngine, image: np.ndarray, target: int) -> np.ndarray:
    point = torch.from_numpy(image.astype(np.float32))[None, None].requires_grad_()
    (slope,) = torch.autograd.grad(engine.network(point).logits[0, target], point)
    return slope[0, 0].numpy()


def test_without_noise_it_is_the_gradient(engine: TorchEngine, question: Question) -> None:
    found = make("smoothgrad", engine, question, sigma=0, n_samples=3)
    for n, target in enumerate(question.targets):
        expected = np.abs(find_slope(engine, question.pixels[n], target))
        np.testing.assert_allclose(found[n], expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_against_noise_of_our_own(engine: TorchEngine, question: Question) -> None:
    """With another generator's noise the same within its error."""
    found = make("smoothgrad", engine, question, n_samples=100)
    random = np.random.default_rng(0)
    for n, target in enumerate(question.targets):
        image = question.pixels[n]
        noise = random.normal(0, 0.15 * np.ptp(image), (100, *image.shape))
        slopes = np.stack([find_slope(engine, image + one, target) for one in noise])
        error = slopes.std(axis=0) / np.sqrt(100)
        apart = np.abs(found[n] - np.abs(slopes.mean(axis=0))) / (np.sqrt(2) * error + 1e-9)
        assert np.mean(apart**2) < 1.5


def test_the_seed_is_the_noise(engine: TorchEngine, question: Question) -> None:
    first, again, other = (
        make("smoothgrad", engine, question, n_samples=5, seed=seed) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
