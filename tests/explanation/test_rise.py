"""RISE, mask by mask.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from skimage.transform import resize
from tests.explanation.test_gradcam import make

from cxrlens.explanation import Question
from cxrlens.inference import TorchEngine


@pytest.mark.parametrize(("cells", "p", "seed"), [(7, 0.5, 0), (4, 0.3, 5)])
def test_against_one_mask_at_a_time(
    cells: int, p: float, seed: int, engine: TorchEngine, question: Question
) -> None:
    """Section 3.3 and equation 6 in float64; enlarged by scikit-image."""
    options = {"n_masks": 50, "cells": cells, "p": p, "seed": seed}
    found = make("rise", engine, question, **options)
    random = np.random.default_rng(seed)
    grids = random.random((50, cells, cells)) < p
    step = -(-64 // cells)
    shifts = random.integers(0, [step, step], (50, 2))
    masks = []
    for grid, (top, left) in zip(grids, shifts, strict=True):
        size = ((cells + 1) * step,) * 2
        large = resize(grid.astype(np.float64), size, order=1, mode="edge", anti_aliasing=False)
        masks.append(large[top : top + 64, left : left + 64])
    for n, target in enumerate(question.targets):
        seen = np.stack([question.pixels[n] * mask for mask in masks]).astype(np.float32)
        scores = [engine.run(one[None]).logits[0, target] for one in seen]
        mean = sum(scores) / len(scores)
        expected = sum((s - mean) * mask for s, mask in zip(scores, masks, strict=True)) / (50 * p)
        np.testing.assert_allclose(found[n], expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_the_offset_of_a_logit_moves_nothing(engine: TorchEngine, question: Question) -> None:
    before = make("rise", engine, question, n_masks=40)
    engine.network.head.output.bias.data += 3
    after = make("rise", engine, question, n_masks=40)
    np.testing.assert_allclose(after, before, atol=1e-4 * np.abs(before).max())


def test_another_seed_draws_other_masks(engine: TorchEngine, question: Question) -> None:
    first, second = (make("rise", engine, question, n_masks=40, seed=seed) for seed in (0, 1))
    assert not np.allclose(first, second)
