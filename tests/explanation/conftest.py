"""A tiny network with random weights, and a phantom as it sees it."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from cxrlens.inference import TorchEngine
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage

SIDE = 48


@pytest.fixture(scope="session")
def tiny_engine() -> TorchEngine:
    """Three classes; the logits are far enough apart to be told from each other."""
    torch.manual_seed(0)
    network = build_classifier(
        NetworkSpec("compact", {"width": 4}, mean=(0.5,), std=(0.25,)), 3, (SIDE, SIDE)
    )
    with torch.no_grad():
        network.head.output.weight *= 20
    return TorchEngine(network, "cpu")


@pytest.fixture(scope="session")
def small_chest() -> GreyImage:
    """48 x 48 in [0, 1]."""
    image = Image.fromarray(draw_nth(1, seed=3).pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32) / 255


@pytest.fixture
def make_damaged(tiny_engine: TorchEngine) -> Callable[[float], TorchEngine]:
    """Engines whose head has a bias of one value."""

    def damage(value: float) -> TorchEngine:
        network = copy.deepcopy(tiny_engine.network)
        with torch.no_grad():
            network.head.output.bias.fill_(value)
        return TorchEngine(network, "cpu")

    return damage
