"""Integrated gradients add up to what they explain.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch
from tests.explanation.test_gradcam import make

from cxrlens.explanation import Question
from cxrlens.inference import TorchEngine


@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_a_map_adds_up(baseline: str, engine: TorchEngine, question: Question) -> None:
    """Completeness: the logit of the image less that of the blank one."""
    found = make("integrated-gradients", engine, question, baseline=baseline, n_steps=100)
    mean = question.pixels.mean(axis=(1, 2), keepdims=True) if baseline == "mean" else 0
    blank = np.zeros_like(question.pixels) + mean
    whole, start = (question.pick(engine.run(pixels).logits) for pixels in (question.pixels, blank))
    np.testing.assert_allclose(found.sum(axis=(1, 2)), whole - start, atol=0.02)


def test_against_the_formula(engine: TorchEngine, question: Question) -> None:
    """Equation 1 in float64, its integral by Gauss and Legendre."""
    found = make("integrated-gradients", engine, question, n_steps=20)
    network = engine.network.double()
    nodes, weights = np.polynomial.legendre.leggauss(20)
    for n, target in enumerate(question.targets):
        image = torch.from_numpy(question.pixels[n]).double()[None, None]
        expected = np.zeros((64, 64))
        for node, weight in zip(nodes, weights, strict=True):
            point = (image * (node + 1) / 2).requires_grad_()
            (slope,) = torch.autograd.grad(network(point).logits[0, target], point)
            expected += (image * slope)[0, 0].numpy() * weight / 2
        np.testing.assert_allclose(found[n], expected, atol=1e-4 * np.abs(expected).max())
