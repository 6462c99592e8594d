"""The architectures and tensors of torchvision, under timm's names.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from cxrlens.network.foreign_checkpoint import StateDict

_LEAVES = ("layer_scale", "weight", "bias", "running_mean", "running_var")
"""Tensors of a layer in the order in which it keeps them."""

_WIDE_EPS: dict[str, bool | int | float | str | tuple[int, ...]] = {"bn_eps": 0.001}
"""Where torchvision adds more to the variance in its BatchNorms than timm."""


@dataclass(frozen=True)
class TorchvisionName:
    """Where an architecture of torchvision is found in timm."""

    backbone: str
    """timm's name."""

    head: str = "fc"
    """torchvision's name of the module after pooling (and after the norm that may stand there)."""

    options: Mapping[str, bool | int | float | str | tuple[int, ...]] = field(default_factory=dict)
    """What timm's must be built with to be torchvision's."""

    has_own_names: bool = False
    """Whether its tensors have other names than timm's, in the same order."""


def _list_architectures() -> dict[str, TorchvisionName]:
    same = (
        *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
        "wide_resnet50_2", "wide_resnet101_2",
        "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "inception_v3",
    )  # fmt: skip
    dense = (f"densenet{depth}" for depth in (121, 161, 169, 201))
    found = {name: TorchvisionName(name) for name in same}
    found |= {name: TorchvisionName(name, "classifier") for name in dense}
    found["mobilenet_v2"] = TorchvisionName("mobilenetv2_100", "classifier", {}, True)
    for number in range(8):
        name, options = f"efficientnet_b{number}", _WIDE_EPS if number >= 5 else {}
        found[name] = TorchvisionName(name, "classifier", options, True)
    for letter in "sml":
        found[f"efficientnet_v2_{letter}"] = TorchvisionName(
            f"tf_efficientnetv2_{letter}", "classifier", {"pad_type": ""}, True
        )
    for size in ("tiny", "small", "base", "large"):
        name = f"convnext_{size}"
        found[name] = TorchvisionName(name, "classifier.2", {}, True)
    return found


TORCHVISION: Mapping[str, TorchvisionName] = _list_architectures()
"""By torchvision's name: what is there under both roofs and pools by averaging."""


def has_torchvision_names(state: StateDict) -> bool:
    """Tell torchvision's names from timm's, where the two differ."""
    return any(key.startswith("features.0.0.") for key in state)


def rename_tensors(state: StateDict, wanted: Mapping[str, torch.Tensor]) -> StateDict:
    """Rename torchvision's tensors: the same as timm's in the same order.

    The order is that of the layers' numbers, not of the file: safetensors sorts by name.

    Args:
        state: a backbone of torchvision, without its head.
        wanted: timm's state dict.
    """
    theirs = sorted((key for key in state if key.endswith(_LEAVES)), key=_place)
    ours = [key for key in wanted if key.endswith((*_LEAVES, "gamma"))]
    # torchvision keeps ConvNeXt's layer scale as C x 1 x 1, timm as C.
    return {
        new: state[old].flatten() if old.endswith("layer_scale") else state[old]
        for new, old in zip(ours, theirs, strict=False)
    }


def _place(key: str) -> tuple[bool, list[int], int]:
    """Order tensors as the network runs; the norm of ConvNeXt's classifier stands last."""
    path, _, leaf = key.rpartition(".")
    numbers = [int(number) for number in re.findall(r"\d+", path)]
    return not path.startswith("features."), numbers, _LEAVES.index(leaf)
