"""Networks with random weights that are not trivial.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier

GREY = NetworkSpec("compact", {"width": 8}, mean=(0.5,), std=(0.25,))


def _build(
    backbone: str, n_classes: int = 3, size: tuple[int, int] = (64, 64), seed: int = 0
) -> MapClassifier:
    spec = GREY if backbone == "compact" else NetworkSpec(backbone)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_classifier(spec, n_classes, size)
        for module in network.modules():
            # As built, BatchNorm is the identity: it would hide a wrong order or mode. Wider
            # ranges make the depths of random networks amplify float32's own rounding.
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.8, 1.25)
                nn.init.normal_(module.bias, 0, 0.2)
                nn.init.normal_(module.running_mean, 0, 0.2)
                nn.init.uniform_(module.running_var, 0.8, 1.25)
        nn.init.normal_(network.head.output.bias)
    return network.eval()


@pytest.fixture(scope="session")
def build() -> Callable[..., MapClassifier]:
    """Builds a classifier in eval mode whose BatchNorms do something."""
    return _build


@pytest.fixture
def images() -> torch.Tensor:
    """Four grey images, 64 x 96."""
    return torch.rand(4, 1, 64, 96, generator=torch.Generator().manual_seed(1))
