"""The network that a checkpoint was saved from, as its own library builds it.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Any, cast

import timm
import torch
import torchvision
from torch import nn

from cxrlens.network.foreign_checkpoint import StateDict
from cxrlens.network.torchvision_names import TORCHVISION, TorchvisionName, has_torchvision_names
from cxrlens.vocabulary import WeightsError, suggest

INCEPTION = "inception_v3"
"""Has an auxiliary head, takes 299 pixels, and may normalise its input by itself."""

_FLAT = ("vgg", "alexnet")
"""Whose linear layers read the last map cell by cell."""


@dataclass(frozen=True, eq=False)
class Original:
    """An architecture under the roof that a file was saved from."""

    arch: str
    """What it was asked for by."""

    built_as: TorchvisionName
    """What is built in its place, and where its head is."""

    first: str
    """The weight of its first convolution, which tells the number of channels."""

    torchvision: nn.Module | None
    """torchvision's network without head and weights; None where the file is timm's, and its
    network the one that is built."""


def find_original(arch: str, state: StateDict) -> Original:
    """Find out which library's network a state dict is of.

    Args:
        arch: torchvision's or timm's name.
        state: tensors under the names of either.

    Raises:
        WeightsError: if the architecture is not known, or has no maps.
    """
    if arch.startswith(_FLAT):
        raise WeightsError(
            f"--arch {arch!r} cannot be imported: its linear layers read the last map cell by cell "
            "instead of its average, so that no class activation map adds up to its answer"
        )
    has_own_names = has_torchvision_names(state)
    for name, entry in TORCHVISION.items():
        is_meant = name == arch or (has_own_names and entry.backbone == arch)
        if is_meant and entry.has_own_names == has_own_names:
            network = _create_torchvision(name, entry.head)
            return Original(name, entry, next(iter(network.state_dict())), network)
    known_as = TORCHVISION[arch].backbone if arch in TORCHVISION else arch
    config = timm.models.get_pretrained_cfg(known_as) if timm.is_model(known_as) else None
    if config is None or not isinstance(config.classifier, str):
        hint = suggest(arch, TORCHVISION)
        raise WeightsError(
            f"--arch {arch!r} is none of torchvision's architectures that can be imported and none "
            f"of timm's; {hint}"
        )
    return Original(
        arch, TorchvisionName(known_as, config.classifier), f"{config.first_conv}.weight", None
    )


def _create_torchvision(name: str, head: str) -> nn.Module:
    """Create torchvision's network without memory for weights; its head gives what it is given."""
    options = {"init_weights": False} if name == INCEPTION else {}
    with torch.device("meta"):
        network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    if name == INCEPTION:
        cast(Any, network).AuxLogits = None
    network.set_submodule(head, nn.Identity())
    return network.eval()
