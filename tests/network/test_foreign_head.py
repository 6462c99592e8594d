"""Linear layers are found and ordered; anything else is refused by name.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from cxrlens.network.foreign_head import merge_layers, read_head
from cxrlens.vocabulary import WeightsError

PATH = Path("saved.pth")


def _state(head: nn.Module) -> dict[str, torch.Tensor]:
    return nn.ModuleDict({"fc": head}).state_dict()


def test_the_order_of_numbers_is_that_of_numbers() -> None:
    """safetensors gives `fc.10` before `fc.2`, and square layers would fit in either order."""
    torch.manual_seed(0)
    layers = [nn.Linear(4, 4) if place % 2 == 0 else nn.ReLU() for place in range(12)]
    state = load(save(_state(nn.Sequential(*layers))))
    read = read_head(state, "fc", PATH)
    for ours, theirs in zip(read, layers[::2], strict=True):
        assert isinstance(theirs, nn.Linear)
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.bias, theirs.bias)


@pytest.mark.parametrize(
    "names",
    [("fc1", "fc2", "output"), ("hidden", "middle", "a"), ("0", "3", "6"), ("l1", "l2", "l3")],
)
def test_layers_of_any_name(names: tuple[str, ...]) -> None:
    widths = (6, 5, 4, 3)
    head = nn.ModuleDict(
        {name: nn.Linear(widths[i], widths[i + 1]) for i, name in enumerate(names)}
    )
    read = read_head(_state(head), "fc", PATH)
    assert [tuple(layer.weight.shape) for layer in read] == [(5, 6), (4, 5), (3, 4)]


def test_a_bias_that_is_not_there_is_zero() -> None:
    (layer,) = read_head(_state(nn.Linear(4, 3, bias=False)), "fc", PATH)
    assert torch.equal(layer.bias, torch.zeros(3))


def test_the_head_of_another_name_does_not_count() -> None:
    state = {**_state(nn.Linear(4, 3)), "fcs.weight": torch.ones(1)}
    assert len(read_head(state, "fc", PATH)) == 1


@torch.no_grad()
def test_merged_layers_are_the_layers_in_a_row() -> None:
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 4), nn.Linear(4, 3))
    (layer,) = merge_layers(read_head(_state(head), "fc", PATH))
    inputs = torch.randn(9, 7)
    ours = nn.functional.linear(inputs, layer.weight, layer.bias)
    torch.testing.assert_close(ours, head(inputs))


def _list_odd() -> Mapping[str, tuple[nn.Module, str]]:
    return {
        "batch norm": (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), r"'fc.1.weight'.*\(4,\)"),
        "layer norm": (nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)), r"'fc.0.weight'"),
        "convolution": (nn.Conv2d(4, 2, 1), r"'fc.weight' of shape \(2, 4, 1, 1\)"),
        "PReLU": (nn.Sequential(nn.Linear(4, 4), nn.PReLU()), r"'fc.1.weight'"),
        "branches": (
            nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 2)]),
            r"\(4 to 3, 4 to 2\) do not take what the one before gives",
        ),
        "nothing": (nn.Identity(), r"has no classifier under 'fc'"),
    }


@pytest.mark.parametrize("what", list(_list_odd()))
def test_anything_else_is_refused_by_name(what: str) -> None:
    head, told = _list_odd()[what]
    with pytest.raises(WeightsError, match=told) as caught:
        read_head(_state(head), "fc", PATH)
    assert "saved.pth" in str(caught.value)
