"""A head's maps are its Jacobian at the pooled features, and add up to its logits.

SPDX-License-Identifier: Apache-2.0
"""

import copy

import pytest
import timm
import torch
from torch import nn

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier
from cxrlens.network.head import MapHead

BACKBONES = (
    "resnet18", "densenet121", "efficientnet_b0", "convnext_atto", "inception_v3", "residual",
)  # fmt: skip
HEADS = ((), (256,), (128, 64))
SIZE = (96, 128)


def build(backbone: str, hidden: tuple[int, ...], seed: int = 0) -> MapClassifier:
    channels = 1 if backbone == "residual" else 3
    options = {"width": 8} if backbone == "residual" else {}
    spec = NetworkSpec(backbone, options, (0.5,) * channels, (0.25,) * channels, hidden)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_classifier(spec, 3, SIZE).double()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
                nn.init.uniform_(module.weight, 0.8, 1.25)
                nn.init.normal_(module.bias, 0, 0.2)
        for parameter in network.head.parameters():
            nn.init.normal_(parameter, 0, 0.3)
    return network.eval()


def read_features(network: MapClassifier, image: torch.Tensor) -> torch.Tensor:
    """The last feature map of one image by the architecture's own method."""
    return network.backbone.network.forward_features((image - network.mean) / network.std)[0]


def answer_plainly(network: MapClassifier, pooled: torch.Tensor) -> torch.Tensor:
    """What follows pooling, written as people write it."""
    value = pooled
    if hasattr(network.backbone.network, "head") and hasattr(network.backbone.network.head, "norm"):
        norm = network.backbone.network.head.norm
        centred = value - value.mean()
        value = centred / (centred.square().mean() + norm.eps).sqrt() * norm.weight + norm.bias
    for layer in network.head.hidden:
        value = torch.relu(layer.weight @ value + layer.bias)
    return network.head.output.weight @ value + network.head.output.bias


@pytest.mark.parametrize("hidden", HEADS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_logits_are_those_of_pooling_first(backbone: str, hidden: tuple[int, ...]) -> None:
    network = build(backbone, hidden)
    images = torch.rand(2, 1, *SIZE, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        output = network(images)
        for number in range(2):
            pooled = read_features(network, images[number : number + 1]).mean(dim=(1, 2))
            torch.testing.assert_close(
                output.logits[number], answer_plainly(network, pooled), rtol=1e-9, atol=1e-9
            )
    # What is shown adds up to what is decided by.
    torch.testing.assert_close(output.maps.mean(dim=(2, 3)) + output.offsets, output.logits)


@pytest.mark.parametrize("hidden", HEADS)
@pytest.mark.parametrize("backbone", [name for name in BACKBONES if name != "convnext_atto"])
def test_maps_are_grad_cam_at_the_pooled_tensor(backbone: str, hidden: tuple[int, ...]) -> None:
    """Selvaraju et al. 2017 by autograd, before their ReLU, times the number of cells."""
    network = build(backbone, hidden)
    image = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(2)).double()
    with torch.no_grad():
        maps = network(image).maps[0]
        features = read_features(network, image)
    features.requires_grad_()
    for k in range(3):
        logit = answer_plainly(network, features.mean(dim=(1, 2)))[k]
        (gradient,) = torch.autograd.grad(logit, features)
        slow = torch.zeros_like(maps[0])
        for c in range(len(features)):
            slow += gradient[c].mean() * features[c].detach() * maps[0].numel()
        assert slow.std() > 0
        assert (maps[k] - slow).abs().max() / slow.abs().max() < 1e-5


@pytest.mark.parametrize("hidden", HEADS)
def test_with_a_norm_after_pooling_maps_are_the_decomposition(hidden: tuple[int, ...]) -> None:
    """Each cell is normalised with the pooled mean and variance, written out cell by cell."""
    network = build("convnext_atto", hidden)
    image = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(3)).double()
    norm = network.backbone.network.head.norm
    with torch.no_grad():
        output = network(image)
        features = read_features(network, image)
    pooled = features.mean(dim=(1, 2))
    spread = ((pooled - pooled.mean()).square().mean() + norm.eps).sqrt()
    normed = ((pooled - pooled.mean()) / spread * norm.weight + norm.bias).detach()

    def answer(value: torch.Tensor) -> torch.Tensor:
        for layer in network.head.hidden:
            value = torch.relu(layer.weight @ value + layer.bias)
        return network.head.output.weight @ value + network.head.output.bias

    jacobian = torch.autograd.functional.jacobian(answer, normed)
    with torch.no_grad():
        for row in range(features.shape[1]):
            for col in range(features.shape[2]):
                cell = (features[:, row, col] - pooled.mean()) / spread * norm.weight + norm.bias
                slow = jacobian @ cell
                error = (output.maps[0, :, row, col] - slow).abs().max()
                assert error / output.maps.abs().max() < 1e-5


@torch.no_grad()
def test_a_pretrained_norm_is_used_as_timm_uses_it() -> None:
    network = build("convnext_atto", ())
    whole = timm.create_model("convnext_atto", num_classes=3).double().eval()
    whole.load_state_dict(network.backbone.network.state_dict(), strict=False)
    whole.get_classifier().load_state_dict(network.head.output.state_dict())
    image = torch.rand(1, 1, *SIZE).double()
    theirs = whole((image - network.mean) / network.std)
    torch.testing.assert_close(network(image).logits, theirs, rtol=1e-9, atol=1e-9)


def test_gradients_are_those_of_pooling_first() -> None:
    """In training too: the linearised head learns what the plain head would learn."""
    torch.manual_seed(0)
    head = MapHead(8, 3, (6, 5)).double()
    features = torch.rand(4, 8, 3, 3).double().requires_grad_()
    targets = torch.tensor([0, 1, 2, 1])
    inputs = [features, *head.parameters()]
    ours = torch.autograd.grad(nn.functional.cross_entropy(head(features).logits, targets), inputs)
    value = features.mean(dim=(2, 3))
    for layer in head.hidden:
        value = torch.relu(layer(value))
    theirs = torch.autograd.grad(nn.functional.cross_entropy(head.output(value), targets), inputs)
    for mine, plain in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, plain)


def test_dropout_drops_inputs_of_the_last_layer_in_training_only() -> None:
    torch.manual_seed(0)
    head = MapHead(64, 2, dropout=0.5)
    features = torch.rand(3, 64, 2, 2)
    weight, _ = head._linearise(features.mean(dim=(2, 3)))
    is_kept = weight != 0
    assert torch.equal(is_kept[:, 0], is_kept[:, 1])
    assert 0.3 < is_kept.float().mean() < 0.7
    torch.testing.assert_close(weight[is_kept], (2 * head.output.weight).expand(3, -1, -1)[is_kept])
    head.eval()
    assert torch.equal(head(features).logits, head(features).logits)


def test_the_resnet34_recipes_head_has_its_ancestors_parameters() -> None:
    spec = NetworkSpec("resnet34", hidden=(256,))
    head = build_classifier(spec, 2, (64, 64)).head
    assert sum(parameter.numel() for parameter in head.parameters()) == 131_842


def test_the_auxiliary_head_speaks_in_training_only() -> None:
    spec = NetworkSpec("inception_v3", {"aux_logits": True}, hidden=(8,))
    network = build_classifier(spec, 3, (299, 299)).train()
    output = network(torch.rand(2, 1, 299, 299))
    assert output.auxiliary.shape == output.logits.shape == (2, 3)
    assert not torch.equal(output.auxiliary, output.logits)
    copied = copy.deepcopy(network).eval()
    with torch.no_grad():
        assert copied(torch.rand(2, 1, 299, 299)).auxiliary is None


def test_the_residual_network_has_its_ancestors_last_map() -> None:
    spec = NetworkSpec("residual", mean=(0.5,), std=(0.25,), dropout=0.0)
    network = build_classifier(spec, 2, (256, 256)).eval()
    with torch.no_grad():
        output = network(torch.rand(1, 1, 256, 256))
    assert network.backbone.n_features == 512
    assert output.maps.shape == (1, 2, 16, 16)
