"""Occlusion, patch by patch, and by Captum.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from scipy import ndimage
from tests.explanation.test_gradcam import Logits, as_tensor, make

from cxrlens.explanation import Question
from cxrlens.inference import TorchEngine


@pytest.mark.parametrize("fill", [0, "mean", "blur"])
@pytest.mark.parametrize(("patch", "stride"), [(32, 16), (24, 24), (40, 17), (64, 1)])
def test_against_one_patch_at_a_time(
    patch: int, stride: int, fill: object, engine: TorchEngine, question: Question
) -> None:
    found = make("occlusion", engine, question, patch=patch, stride=stride, fill=fill)
    for n, target in enumerate(question.targets):
        image = question.pixels[n]
        filling = {
            0: np.zeros_like(image),
            "mean": np.full_like(image, image.mean()),
            "blur": ndimage.gaussian_filter(image, patch / 2),
        }[fill]
        whole = engine.run(image[None]).logits[0, target]
        drops: list[list[list[float]]] = [[[] for _ in range(64)] for _ in range(64)]
        for top in range(0, 64, stride):
            for left in range(0, 64, stride):
                # Patches go on until one reaches the edge.
                if max(top, left) - stride + patch >= 64 and max(top, left) > 0:
                    continue
                covered = image.copy()
                rows, cols = slice(top, top + patch), slice(left, left + patch)
                covered[rows, cols] = filling[rows, cols]
                drop = whole - engine.run(covered[None]).logits[0, target]
                for row in range(64)[rows]:
                    for col in range(64)[cols]:
                        drops[row][col].append(drop)
        expected = np.array([[np.mean(cell) for cell in line] for line in drops])
        np.testing.assert_allclose(found[n], expected, atol=1e-5 * max(np.abs(expected).max(), 1))


@pytest.mark.parametrize(("patch", "stride"), [(16, 8), (20, 20), (24, 13)])
def test_against_captum(patch: int, stride: int, engine: TorchEngine, question: Question) -> None:
    with torch.no_grad():
        expected = Occlusion(Logits(engine.network)).attribute(
            as_tensor(question), (1, patch, patch), (1, stride, stride), baselines=0,
            target=torch.from_numpy(question.targets),
        )  # fmt: skip
    found = make("occlusion", engine, question, patch=patch, stride=stride, fill=0)
    scale = float(expected.abs().max())
    np.testing.assert_allclose(found, expected[:, 0].numpy(), rtol=1e-4, atol=1e-5 * scale)


def test_a_constant_image_covered_by_its_mean_loses_nothing(engine: TorchEngine) -> None:
    question = Question(np.full((1, 64, 64), 0.25, dtype=np.float32), np.array([0]))
    np.testing.assert_allclose(make("occlusion", engine, question), 0, atol=1e-6)
