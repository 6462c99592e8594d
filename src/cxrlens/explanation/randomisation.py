"""A network forgets what it learnt, layer by layer from its head down.

SPDX-License-Identifier: Apache-2.0
"""

import copy
from collections.abc import Iterator

import torch
from torch import nn

from cxrlens.network import MapClassifier

SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Of the layers with weights, counted from the head: the head alone, …, all."""


def randomise(network: MapClassifier, *, seed: int = 0) -> Iterator[tuple[float, MapClassifier]]:
    """Give copies of a network whose weights are more and more left to chance.

    The weights of a layer are shuffled, so that their size stays and what they say goes. Norms are
    left, since activations that run out of bounds would be another cause of another map.

    Args:
        network: is left as it is.
        seed: of the shuffles.

    Yields:
        Each of `SHARES` with a copy in eval mode, in which the head and that share of the other
        layers are shuffled.

    Source:
        Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018 (cascading randomisation).
    """
    generator = torch.Generator().manual_seed(seed)
    changed = copy.deepcopy(network).eval()
    head = _list_weights(changed.head)
    backbone = _list_weights(changed.backbone)[::-1]
    done = 0
    for share in SHARES:
        wanted = round(share * len(backbone))
        layers = [*(head if share == SHARES[0] else []), *backbone[done:wanted]]
        done = wanted
        with torch.no_grad():
            for weight in layers:
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(weight.flatten()[order].reshape(weight.shape))
        yield share, copy.deepcopy(changed)


def _list_weights(module: nn.Module) -> list[nn.Parameter]:
    """The weights of convolutions and linear layers, from the input on."""
    return [weight for weight in module.parameters() if weight.ndim > 1]
