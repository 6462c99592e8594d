"""The linear layers of a foreign classifier head, found by name and put in order.

SPDX-License-Identifier: Apache-2.0
"""

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch

from cxrlens.network.foreign_checkpoint import StateDict
from cxrlens.network.state_fit import refuse_bad_values
from cxrlens.vocabulary import WeightsError


class LinearLayer(NamedTuple):
    """One linear layer of a head."""

    weight: torch.Tensor
    """Units x inputs."""

    bias: torch.Tensor
    """One a unit; zeros where the layer had none."""


def read_head(state: StateDict, head: str, path: Path) -> list[LinearLayer]:
    """Read the layers of a head: one `Linear`, or several among ReLU and Dropout.

    Args:
        state: of the whole network; in it the head's tensors start with its name.
        head: the name of the head, such as `fc`.
        path: of the file, for messages.

    Returns:
        From the features on, at least one, each taking what the one before gives.

    Raises:
        WeightsError: if there is no head, it holds something else than linear layers, one does not
            take what the one before gives, or they are not finite.
    """
    tensors = {key: value for key, value in state.items() if key.startswith(f"{head}.")}
    if not tensors:
        raise WeightsError(
            f"weights file {path} has no classifier under {head!r} (its last tensor is "
            f"{next(reversed(state), 'none')!r}); save the whole model.state_dict()"
        )
    names = list(dict.fromkeys(key.rpartition(".")[0] for key in tensors))
    for key, value in tensors.items():
        n_axes = {"weight": 2, "bias": 1}.get(key.rpartition(".")[2])
        if value.ndim != n_axes or f"{key.rpartition('.')[0]}.weight" not in tensors:
            raise WeightsError(
                f"weights file {path}: {key!r} of shape {tuple(value.shape)} belongs to no Linear "
                f"layer; a head of Linear, ReLU and Dropout can be imported, {head!r} holds more"
            )
        refuse_bad_values(value, key, path)
    layers = [_take_layer(tensors, name) for name in _order(names)]
    if any(len(one.weight) != other.weight.shape[1] for one, other in pairwise(layers)):
        told = ", ".join(f"{one.weight.shape[1]} to {len(one.weight)}" for one in layers)
        raise WeightsError(
            f"weights file {path}: the linear layers of {head!r} ({told}) do not take what the one "
            "before gives; a head of Linear, ReLU and Dropout in a row can be imported"
        )
    return layers


def merge_layers(layers: list[LinearLayer]) -> list[LinearLayer]:
    """Join linear layers that have nothing between them into the one that they are."""
    weight, bias = layers[0].weight.double(), layers[0].bias.double()
    for layer in layers[1:]:
        weight = layer.weight.double() @ weight
        bias = layer.weight.double() @ bias + layer.bias.double()
    return [LinearLayer(weight.float(), bias.float())]


def _take_layer(tensors: StateDict, name: str) -> LinearLayer:
    weight = tensors[f"{name}.weight"].float()
    bias = tensors.get(f"{name}.bias")
    return LinearLayer(weight, torch.zeros(len(weight)) if bias is None else bias.float())


def _order(names: list[str]) -> list[str]:
    """Order layers by their numbers where each has its own, else as the file has them.

    A torch file keeps the network's order; safetensors sorts by name, `fc.10` before `fc.2`.
    """
    shared = next(
        (i for i, parts in enumerate(zip(*names, strict=False)) if len(set(parts)) > 1), 0
    )
    numbers = [re.findall(r"\d+", name[shared:]) for name in names]
    if len(names) == 1 or not all(numbers):
        return names
    return [name for _, name in sorted(zip(numbers, names, strict=True), key=_count)]


def _count(numbered: tuple[list[str], str]) -> list[int]:
    return [int(number) for number in numbered[0]]
