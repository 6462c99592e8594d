"""A stage's optimiser, and its state as tensors by name.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cxrlens.network import MapClassifier
from cxrlens.training.parameter_group import group_by_rate, select_trainable
from cxrlens.training.recipe import Stage


def build_optimiser(network: MapClassifier, stage: Stage) -> torch.optim.Optimizer:
    """Build the optimiser of a stage over the groups that it moves.

    Args:
        network: whose parameters are moved.
        stage: which of them, and how.

    Returns:
        An optimiser whose groups hold their largest rate under `largest` and their pattern under
        `pattern`.
    """
    groups = [
        {"params": members, "lr": rate, "weight_decay": decay, "largest": rate, "pattern": pattern}
        for pattern, members, rate, decay in group_by_rate(select_trainable(network, stage), stage)
    ]
    if stage.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=stage.learning_rate)
    if stage.optimiser == "adam":
        return torch.optim.Adam(groups, lr=stage.learning_rate)
    return torch.optim.SGD(
        groups, lr=stage.learning_rate, momentum=stage.momentum, nesterov=stage.momentum > 0
    )


def pack_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Give what an optimiser has gathered, by parameter and name, such as `12.exp_avg`."""
    state = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def unpack_optimiser(optimiser: torch.optim.Optimizer, packed: Mapping[str, Tensor]) -> None:
    """Give a fresh optimiser of the same stage what another had gathered.

    Args:
        optimiser: changed in place.
        packed: as `pack_optimiser` gave it.
    """
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in packed.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = _lay_out(value, parameters[int(index)])
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _lay_out(value: Tensor, parameter: nn.Parameter) -> Tensor:
    """Lay values out in memory as their parameter is: the order decides how they are rounded."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, device="cpu").copy_(value).detach()
