"""What an optimiser has gathered survives being written down.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import pytest
import torch

from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.training import load_recipe
from cxrlens.training.optimiser import build_optimiser, pack_optimiser, unpack_optimiser

KINDS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def take_step(network: torch.nn.Module, optimiser: torch.optim.Optimizer, seed: int) -> None:
    torch.manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimiser.step()


@pytest.mark.parametrize("kind", list(KINDS))
def test_going_on_is_as_if_never_stopped(kind: str) -> None:
    stage = replace(load_recipe("default").stages[0], optimiser=kind)  # type: ignore[arg-type]
    spec = NetworkSpec("compact", {"width": 4})
    first, second = build_classifier(spec, 2, (32, 32)), build_classifier(spec, 2, (32, 32))
    first.to(memory_format=torch.channels_last)
    second.to(memory_format=torch.channels_last)
    one = build_optimiser(first, stage)
    assert type(one) is KINDS[kind]
    for seed in range(3):
        take_step(first, one, seed)
    packed = {key: value.contiguous().clone() for key, value in pack_optimiser(one).items()}
    second.load_state_dict(first.state_dict())
    other = build_optimiser(second, stage)
    unpack_optimiser(other, packed)
    for seed in range(3, 6):
        take_step(first, one, seed)
        take_step(second, other, seed)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_groups_keep_their_largest_rate_and_pattern() -> None:
    stage = load_recipe("default").stages[0]
    network = build_classifier(NetworkSpec("compact", {"width": 4}), 2, (32, 32))
    groups = build_optimiser(network, stage).param_groups
    assert {(group["pattern"], group["largest"]) for group in groups} == {
        ("rest", 5e-4),
        ("head", 2.5e-3),
    }


def test_sgd_takes_nesterovs_step_where_there_is_momentum() -> None:
    network = build_classifier(NetworkSpec("compact", {"width": 4}), 2, (32, 32))
    for momentum in (0.0, 0.9):
        stage = replace(load_recipe("default").stages[0], optimiser="sgd", momentum=momentum)
        (group, *_) = build_optimiser(network, stage).param_groups
        assert (group["momentum"], group["nesterov"]) == (momentum, momentum > 0)
