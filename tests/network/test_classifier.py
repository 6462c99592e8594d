"""The maps are Zhou's formula, and the logits are those of pooling first.

SPDX-License-Identifier: Apache-2.0
"""

import copy
from collections.abc import Callable

import pytest
import timm
import torch

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier

CONVOLUTIONAL = ("resnet18", "densenet121", "efficientnet_b0", "mobilenetv2_100")
SIZE = (64, 96)
ALL = (*CONVOLUTIONAL, "compact", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224")
CELLS = {"compact": (8, 12), "vit_tiny_patch16_224": (4, 6)}

Build = Callable[..., MapClassifier]


def _read_features(name: str, network: MapClassifier, images: torch.Tensor) -> torch.Tensor:
    """Channels x rows x columns of one image, laid out by the architecture's own convention."""
    normalised = torch.empty(1, len(network.mean.flatten()), *images.shape[-2:]).double()
    for channel in range(normalised.shape[1]):
        mean, std = network.mean.flatten()[channel], network.std.flatten()[channel]
        normalised[0, channel] = (images[0, 0].double() - mean) / std
    features = network.backbone.network.forward_features(normalised)
    if name.startswith("swin"):
        return torch.stack([features[0, :, :, c] for c in range(features.shape[3])])
    if name.startswith("vit"):
        rows, cols = CELLS[name]
        grid = torch.empty(features.shape[2], rows, cols).double()
        for token in range(rows * cols):  # token 0 is the class token
            grid[:, token // cols, token % cols] = features[0, token + 1]
        return grid
    return features[0]


def _write_slowly(
    name: str, network: MapClassifier, image: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Zhou et al. 2016 in float64: equation 1 for the logits, equation 2 for the maps."""
    double = copy.deepcopy(network).double()
    features = _read_features(name, double, image)
    weight, bias = double.head.output.weight.data, double.head.output.bias.data
    logits = torch.zeros(len(weight)).double()
    maps = torch.zeros(len(weight), *features.shape[1:]).double()
    for k in range(len(weight)):
        for c in range(len(features)):
            logits[k] += weight[k, c] * features[c].mean()
            maps[k] += weight[k, c] * features[c]
    return logits + bias, maps


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_maps_are_those_of_zhou(name: str, build: Build, images: torch.Tensor) -> None:
    network = build(name, size=SIZE)
    logits, maps, *_ = network(images[:1])
    slow_logits, slow_maps = _write_slowly(name, network, images[:1])
    assert maps.shape == (1, 3, *CELLS.get(name, (2, 3)))
    assert maps.dtype == logits.dtype == torch.float32
    scale = slow_maps.abs().max()
    assert scale > 0
    assert slow_maps.std() > 1e-4 * scale  # the images and BatchNorms make maps that vary
    assert (maps[0] - slow_maps).abs().max() / scale < 1e-5
    assert (logits[0] - slow_logits).abs().max() / scale < 1e-5
    # Without float32's rounding in the backbone nothing is left of the difference.
    exact = copy.deepcopy(network).double()(images[:1].double())
    assert (exact.maps[0] - slow_maps).abs().max() / scale < 1e-12
    assert (exact.logits[0] - slow_logits).abs().max() / scale < 1e-12
    # What is shown adds up to what is decided by.
    pooled = maps.double().mean(dim=(2, 3)) + network.head.output.bias
    torch.testing.assert_close(pooled.float(), logits, rtol=0, atol=1e-5 * float(scale))


@pytest.mark.parametrize("name", CONVOLUTIONAL)
@torch.no_grad()
def test_logits_are_those_of_timms_own_classifier(
    name: str, build: Build, images: torch.Tensor
) -> None:
    network = build(name, size=SIZE)
    whole = timm.create_model(name, num_classes=3).eval()
    whole.load_state_dict(network.backbone.network.state_dict(), strict=False)
    whole.get_classifier().load_state_dict(network.head.output.state_dict())
    theirs = whole((images - network.mean) / network.std)
    ours, maps, *_ = network(images)
    assert (ours - theirs).abs().max() / maps.abs().max() < 1e-5


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_batched_is_one_by_one(name: str, build: Build, images: torch.Tensor) -> None:
    # In float64, where what is left of the difference is not the order of summation.
    network, images = build(name, size=SIZE).double(), images.double()
    together = network(images)
    for number in range(len(images)):
        alone = network(images[number : number + 1])
        scale = together.maps.abs().max()
        assert (alone.maps[0] - together.maps[number]).abs().max() / scale < 1e-10
        assert (alone.logits[0] - together.logits[number]).abs().max() / scale < 1e-10


@torch.no_grad()
def test_under_autocast_the_head_stays_float32(build: Build, images: torch.Tensor) -> None:
    network = build("compact")
    with torch.autocast("cpu", torch.bfloat16):
        logits, maps, *_ = network(images)
    assert logits.dtype == maps.dtype == torch.float32
    pooled = maps.mean(dim=(2, 3)) + network.head.output.bias
    torch.testing.assert_close(pooled, logits, rtol=1e-5, atol=1e-5)
    exact = network(images)
    assert (maps - exact.maps).abs().max() < 0.1 * exact.maps.abs().max()


@torch.no_grad()
def test_grey_is_normalised_by_channel(images: torch.Tensor) -> None:
    """A network with one mean and spread for all equals one fed with normalised images."""
    torch.manual_seed(0)
    plain = NetworkSpec("resnet18", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    scaled = NetworkSpec("resnet18", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    first = build_classifier(plain, 2, SIZE).eval()
    second = build_classifier(scaled, 2, SIZE).eval()
    second.load_state_dict(first.state_dict())  # normalisation is no part of the weights
    theirs = first((images - 0.5) / 0.25).logits
    torch.testing.assert_close(second(images).logits, theirs, rtol=1e-4, atol=1e-5)
