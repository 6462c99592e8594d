"""A network forgets from its head down, and the one that it was stays as it was.

SPDX-License-Identifier: Apache-2.0
"""

import torch

from cxrlens.explanation import RANDOMISED_SHARES, randomise
from cxrlens.network import NetworkSpec, build_classifier


def test_layers_are_shuffled_from_the_head_down() -> None:
    torch.manual_seed(0)
    network = build_classifier(NetworkSpec("compact", options={"width": 8}), 3, (32, 32)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weights = [name for name, value in network.named_parameters() if value.ndim > 1]
    n_backbone = sum(name.startswith("backbone") for name in weights)
    steps = list(randomise(network, seed=3))
    assert [share for share, _ in steps] == list(RANDOMISED_SHARES)
    for share, changed in steps:
        state = changed.state_dict()
        moved = [name for name in weights if not torch.equal(state[name], before[name])]
        assert "head.output.weight" in moved
        n_moved = sum(name.startswith("backbone") for name in moved)
        assert n_moved == round(share * n_backbone)
        assert not changed.training
        for name, value in state.items():  # shuffled, not drawn anew; norms are left
            same = torch.equal(value.flatten().sort().values, before[name].flatten().sort().values)
            assert same, name
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_same_seed_forgets_alike() -> None:
    network = build_classifier(NetworkSpec("compact", options={"width": 8}), 2, (32, 32)).eval()
    first, second = (list(randomise(network, seed=1))[-1][1].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
