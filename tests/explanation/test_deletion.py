"""Deletion and insertion on a network whose answer is known in advance.

SPDX-License-Identifier: Apache-2.0
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from cxrlens.explanation import measure_faithfulness
from cxrlens.inference import TorchEngine
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.vocabulary import Geometry, Heatmap

SIDE = 32
WHOLE = Geometry((SIDE, SIDE), (SIDE, SIDE), 0.0, 0.0, float(SIDE), float(SIDE))


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    torch.manual_seed(0)
    spec = NetworkSpec("compact", options={"width": 8})
    return TorchEngine(build_classifier(spec, 2, (SIDE, SIDE)), "cpu")


def _map(grid: np.ndarray) -> Heatmap:
    return Heatmap(grid.astype(np.float32), WHOLE, "a", "cam")


@pytest.mark.parametrize("is_multilabel", [False, True])
def test_against_a_slow_second_writing(engine: TorchEngine, is_multilabel: bool) -> None:
    """Pixel by pixel in the order of the heat, ten times a tenth of them; trapezoids by hand."""
    rng = np.random.default_rng(0)
    image = rng.random((SIDE, SIDE)).astype(np.float32)
    heat = rng.random((SIDE, SIDE))
    found = measure_faithfulness(
        engine, image[None], np.array([1]), (_map(heat),), is_multilabel=is_multilabel
    )
    blurred = gaussian_filter(image, SIDE / 16)
    places = sorted(np.ndindex(SIDE, SIDE), key=lambda place: -np.float32(heat[place]))
    areas = []
    for start, end in ((image, blurred), (blurred, image)):
        curve = []
        for step in range(11):
            changed = start.copy()
            for place in places[: round(SIDE * SIDE * step / 10)]:
                changed[place] = end[place]
            logits = engine.run(changed[None]).logits[0].astype(float)
            odds = np.exp(logits)
            curve.append(odds[1] / (1 + odds[1]) if is_multilabel else odds[1] / odds.sum())
        areas.append(sum((a + b) / 2 * 0.1 for a, b in pairwise(curve)))
    assert found.deletion[0] == pytest.approx(areas[0], abs=1e-5)
    assert found.insertion[0] == pytest.approx(areas[1], abs=1e-5)


def test_a_map_that_says_nothing_is_no_error(engine: TorchEngine) -> None:
    pixels = np.full((2, SIDE, SIDE), 0.5, dtype=np.float32)
    maps = (_map(np.full((4, 4), np.nan)), _map(np.zeros((4, 4))))
    found = measure_faithfulness(engine, pixels, np.array([0, 1]), maps, is_multilabel=False)
    assert np.isfinite(found.deletion).all()
    np.testing.assert_allclose(found.deletion, found.insertion, atol=1e-6)  # nothing to blur
