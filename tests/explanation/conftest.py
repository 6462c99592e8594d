"""Networks and questions of tests: small ones that are not trivial, and a phantom.

SPDX-License-Identifier: Apache-2.0
"""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cxrlens.explanation import Question
from cxrlens.inference import TorchEngine
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage

GREY = {"mean": (0.5,), "std": (0.25,)}


def _build(
    name: str = "compact", n_classes: int = 3, side: int = 64, **more: object
) -> TorchEngine:
    options = {"options": {"width": 4}} if name in ("compact", "residual") else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        spec = NetworkSpec(name, **{**GREY, **options, **more})  # type: ignore[arg-type]
        network = build_classifier(spec, n_classes, (side, side))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 1.5)
                nn.init.normal_(module.running_mean, 0, 0.2)
        nn.init.normal_(network.head.output.weight, 0.05, 0.3)
    return TorchEngine(network, "cpu")


@pytest.fixture
def build_engine() -> Callable[..., TorchEngine]:
    """Builds the engine of a network by its architecture, classes, side and specification."""
    return _build


@pytest.fixture
def engine() -> TorchEngine:
    """A small network of three classes for images of 64 x 64."""
    return _build()


def _ask(n: int = 2, side: int = 64, n_classes: int = 3) -> Question:
    random = np.random.default_rng(n)
    coarse = random.random((n, side // 8, side // 8), dtype=np.float32)
    pixels = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2) * 0.8
    pixels += 0.2 * random.random(pixels.shape, dtype=np.float32)
    return Question(pixels, np.arange(n) % n_classes)


@pytest.fixture
def ask() -> Callable[..., Question]:
    """Makes a question of so many images of a side, with the classes in turn."""
    return _ask


@pytest.fixture
def question() -> Question:
    """Two images of 64 x 64 with different targets."""
    return _ask()


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
