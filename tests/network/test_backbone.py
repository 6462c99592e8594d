"""Every architecture gives one map, channels first, or is refused by name.

SPDX-License-Identifier: Apache-2.0
"""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from cxrlens.network import NetworkSpec
from cxrlens.network.backbone import Backbone, build_backbone
from cxrlens.vocabulary import RecipeError


class _Tokens(nn.Module):
    """Gives the mean of each 16 x 16 patch as a token, behind some prefix tokens."""

    num_features = 3

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.num_prefix_tokens = prefix

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        patches = avg_pool2d(images, 16).flatten(2).transpose(1, 2)
        prefix = torch.full((len(images), self.num_prefix_tokens, 3), 99.0)
        return torch.cat([prefix, patches], dim=1)


class _ChannelsLast(nn.Module):
    """Gives the mean of each 16 x 16 patch, channels last."""

    num_features = 3
    output_fmt = "NHWC"

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return avg_pool2d(images, 16).permute(0, 2, 3, 1)


class _Vector(nn.Module):
    num_features = 3

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (96, 32), (16, 160)])
@pytest.mark.parametrize("network", [_Tokens(0), _Tokens(1), _Tokens(5), _ChannelsLast()])
def test_features_lie_where_their_patches_lie(network: nn.Module, size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size)
    assert torch.equal(Backbone(network)(images), avg_pool2d(images, 16))


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (96, 32), (16, 160)])
@pytest.mark.parametrize("network", [_Tokens(0), _Tokens(1), _Tokens(5), _ChannelsLast()])
def test_inner_outputs_lie_where_their_patches_lie(
    network: nn.Module, size: tuple[int, int]
) -> None:
    """With the class token and without, channels first and last, and finer than the last map."""
    images, backbone = torch.rand(2, 3, *size), Backbone(network)
    expected = avg_pool2d(images, 16)
    cells = (expected.shape[2], expected.shape[3])
    outputs = [network.forward_features(images), expected.flatten(2).transpose(1, 2)]
    outputs += [expected, expected.permute(0, 2, 3, 1)]
    for output in outputs if cells[0] > 3 else outputs[:2]:
        arranged = backbone.arrange_inner(output, images.shape, cells)
        assert arranged is not None
        assert torch.equal(arranged, expected)
    fine = avg_pool2d(images, 2)
    for output in (fine, fine.permute(0, 2, 3, 1)):
        arranged = backbone.arrange_inner(output, images.shape, cells)
        assert arranged is not None
        assert torch.equal(arranged, fine)


@pytest.mark.parametrize(
    "shape", [(2,), (2, 3), (2, 3, 1, 1), (2, 7, 3), (8, 3, 4, 4), (2, 3, 4, 16), (2, 3, 4, 4, 4)]
)
def test_what_is_no_map_is_not_arranged(shape: tuple[int, ...]) -> None:
    backbone = Backbone(_Tokens(1))
    assert backbone.arrange_inner(torch.zeros(shape), torch.Size((2, 3, 64, 64)), (4, 4)) is None


def test_an_architecture_without_a_map_is_refused() -> None:
    with pytest.raises(RecipeError, match="_Vector gives neither a map nor a grid"):
        Backbone(_Vector())(torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize(
    "name", ["resnet18", "compact", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]
)
def test_no_tensor_has_two_names(name: str) -> None:
    """Twice the same tensor under two names could not be saved."""
    mean = (0.5,) if name == "compact" else (0.5, 0.5, 0.5)
    state = build_backbone(NetworkSpec(name, mean=mean, std=mean), (64, 64)).state_dict()
    assert len({tensor.data_ptr() for tensor in state.values() if tensor.ndim}) == sum(
        tensor.ndim > 0 for tensor in state.values()
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet1", "resnet18"),
        ("compakt", "compact"),
        ("zzzz", r"timm\.list_models"),
        ("../resnet18", "did you mean"),
        ("hf_hub:someone/something", "timm"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=hint) as caught:
        build_backbone(NetworkSpec(name), (64, 64))
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet18", {"no_such_option": 1}),
        ("resnet18", {"output_stride": 5}),
        ("mobilenetv2_100", {"act_layer": "no_such_layer"}),
        ("compact", {"no_such_option": 1}),
        ("compact", {"width": 0}),
        ("compact", {"width": -1}),
        ("compact", {"width": 1.5}),
        ("compact", {"width": "wide"}),
        ("compact", {"channels": 3}),
    ],
)
def test_an_option_that_does_not_fit_is_refused(name: str, options: dict[str, int]) -> None:
    with pytest.raises(RecipeError) as caught:
        build_backbone(NetworkSpec(name, options), (64, 64))
    assert repr(name) in str(caught.value)
    assert str(options) in str(caught.value)


def test_an_option_reaches_the_architecture() -> None:
    spec = NetworkSpec("mobilenetv2_100", {"act_layer": "relu"})
    kinds = {type(module) for module in build_backbone(spec, (64, 64)).modules()}
    assert nn.ReLU in kinds
    assert nn.ReLU6 not in kinds


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_channels_follow_the_mean(channels: int) -> None:
    spec = NetworkSpec("resnet18", mean=(0.5,) * channels, std=(0.2,) * channels)
    features = build_backbone(spec, (64, 64)).eval()(torch.rand(1, channels, 64, 64))
    assert features.shape == (1, 512, 2, 2)
