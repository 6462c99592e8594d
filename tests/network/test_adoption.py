"""An imported network gives the logits of the one that was saved.

SPDX-License-Identifier: Apache-2.0
"""

import io
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save
from torch import nn

from cxrlens.network import ForeignCheckpoint, ImportSettings, adopt_network, read_checkpoint
from cxrlens.network.torchvision_names import TORCHVISION
from cxrlens.vocabulary import RecipeError, WeightsError

CLASSES = ("NORMAL", "PNEUMONIA", "covid")
SIZE = (64, 96)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

QUICK = ("resnet18", "densenet121", "mobilenet_v2", "efficientnet_b0", "convnext_tiny")
SLOW = tuple(
    name
    for name in TORCHVISION
    if name not in QUICK and not name.endswith(("_large", "_l", "_b6", "_b7", "101_2", "64x4d"))
)


def _shake(network: nn.Module) -> nn.Module:
    """Make every norm and scale do something: as built, they would hide a wrong order.

    BatchNorms get the statistics of noise, so that the images are not lost on the way.
    """
    auxiliary = getattr(network, "AuxLogits", None)
    if auxiliary is not None:
        network.AuxLogits = None  # it takes no images this small
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(8, 3, 96, 96))
    if auxiliary is not None:
        network.AuxLogits = auxiliary
    for name, value in (*network.named_parameters(), *network.named_buffers()):
        if value.ndim == 1 and name.endswith("weight"):
            nn.init.uniform_(value, 0.8, 1.25)
        elif value.ndim == 1 and name.endswith("bias"):
            nn.init.normal_(value, 0, 0.2)
        elif name.endswith(("layer_scale", "gamma")):
            nn.init.uniform_(value, 0.1, 0.3)
    return network.eval()


def _build(name: str, head: Callable[[int], nn.Module] | None = None, **options: bool) -> Any:  # noqa: ANN401
    """Build torchvision's network as a notebook does: its last linear layer is replaced."""
    torch.manual_seed(0)
    if name == "inception_v3":
        options = {"init_weights": False, **options}
    network = torchvision.models.get_model(name, weights=None, **options)
    place = "fc" if hasattr(network, "fc") else "classifier"
    old = getattr(network, place)
    last = old[-1] if isinstance(old, nn.Sequential) else old
    new = head(last.in_features) if head else nn.Linear(last.in_features, len(CLASSES))
    if isinstance(old, nn.Sequential):
        old[-1] = new
    else:
        setattr(network, place, new)
    return _shake(network)


def _keep(content: object, name: str = "saved.pth") -> ForeignCheckpoint:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return read_checkpoint(buffer.getvalue(), Path(name))


def _normalise(images: torch.Tensor) -> torch.Tensor:
    return torchvision.transforms.Normalize(MEAN, STD)(images.expand(-1, 3, -1, -1))


@torch.no_grad()
def _compare(
    theirs: nn.Module,
    checkpoint: ForeignCheckpoint,
    arch: str,
    settings: ImportSettings | None = None,
) -> None:
    settings = settings or ImportSettings(size=SIZE)
    adopted = adopt_network(checkpoint, arch, CLASSES, settings)
    size = adopted.preprocessing.height, adopted.preprocessing.width
    images = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(3))
    expected = theirs(_normalise(images))
    assert (expected[0] - expected[1]).abs().max() > 1e-2 * expected.abs().max()
    output = adopted.network(images)
    assert (output.logits - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert output.maps.shape[1] == len(CLASSES)
    assert all(value.dtype != torch.float64 for value in adopted.network.state_dict().values())


# The same logits


@pytest.mark.parametrize("name", QUICK)
def test_torchvisions_networks(name: str) -> None:
    theirs = _build(name)
    _compare(theirs, _keep({"state_dict": theirs.state_dict(), "epoch": 3}), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_more_of_torchvisions_networks(name: str) -> None:
    if name != "inception_v3":
        theirs = _build(name)
        _compare(theirs, _keep(theirs.state_dict()), name)


@pytest.mark.parametrize("aux", [True, False])
def test_inception_with_and_without_its_auxiliary_head(aux: bool) -> None:
    theirs = _build("inception_v3", aux_logits=aux)
    if aux:
        theirs.AuxLogits.fc = nn.Linear(768, len(CLASSES))
    _compare(theirs, _keep(theirs.state_dict()), "inception_v3", ImportSettings(size=(96, 96)))


def test_inception_that_normalises_once_more() -> None:
    theirs = _build("inception_v3", transform_input=True)
    settings = ImportSettings(size=(96, 96), transform_input=True)
    checkpoint = _keep(theirs.state_dict())
    _compare(theirs, checkpoint, "inception_v3", settings)
    with pytest.raises(AssertionError):
        _compare(theirs, checkpoint, "inception_v3", ImportSettings(size=(96, 96)))


@pytest.mark.parametrize(
    "name",
    ["resnet18", "efficientnet_b0", "convnext_atto", "mobilenetv2_100", "regnety_002"],
)
def test_timms_networks(name: str) -> None:
    torch.manual_seed(0)
    theirs = _shake(timm.create_model(name, num_classes=len(CLASSES)))
    _compare(theirs, _keep(theirs.state_dict()), name)


def test_torchvisions_tensors_by_timms_name() -> None:
    theirs = _build("mobilenet_v2")
    _compare(theirs, _keep(theirs.state_dict()), "mobilenetv2_100")


def test_wrapped_networks() -> None:
    theirs = _build("resnet18")
    state = {f"module.model.{key}": value for key, value in theirs.state_dict().items()}
    _compare(theirs, _keep({"model_state_dict": state}), "resnet18")


def test_safetensors() -> None:
    theirs = _build("efficientnet_b0")
    _compare(theirs, read_checkpoint(save(theirs.state_dict()), Path("x")), "efficientnet_b0")


def test_half_precision() -> None:
    theirs = _build("resnet18").half()
    checkpoint = _keep(theirs.state_dict())
    _compare(theirs.float(), checkpoint, "resnet18")


def _two_hidden(n: int) -> nn.Module:
    layers = [nn.Linear(n, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 8), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(8, len(CLASSES)))


def _named(n: int) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            [("fc1", nn.Linear(n, 16)), ("relu", nn.ReLU()), ("fc2", nn.Linear(16, len(CLASSES)))]
        )
    )


def _without_bias(n: int) -> nn.Module:
    return nn.Linear(n, len(CLASSES), bias=False)


@pytest.mark.parametrize("head", [_two_hidden, _named, _without_bias])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_heads(name: str, head: Callable[[int], nn.Module]) -> None:
    theirs = _build(name, head)
    _compare(theirs, _keep(theirs.state_dict()), name)


@torch.no_grad()
def test_a_head_that_ends_in_log_softmax_has_the_same_weights() -> None:
    def head(n: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n, 8), nn.ReLU(), nn.Linear(8, 3), nn.LogSoftmax(dim=1))

    theirs = _build("resnet18", head)
    settings = ImportSettings(size=SIZE)
    adopted = adopt_network(_keep(theirs.state_dict()), "resnet18", CLASSES, settings)
    assert adopted.spec.hidden == (8,)
    images = torch.rand(2, 1, *SIZE)
    ours = adopted.network(images).logits.log_softmax(dim=1)
    torch.testing.assert_close(ours, theirs(_normalise(images)), rtol=1e-4, atol=1e-5)


def test_linear_layers_with_nothing_between_them_are_one() -> None:
    def head(n: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n, 64), nn.Linear(64, 16), nn.Dropout(), nn.Linear(16, 3))

    theirs = _build("resnet18", head)
    checkpoint = _keep(theirs.state_dict())
    _compare(theirs, checkpoint, "resnet18", ImportSettings(size=SIZE, head_activation="none"))
    with pytest.raises(AssertionError):
        _compare(theirs, checkpoint, "resnet18")


@torch.no_grad()
@pytest.mark.parametrize("n_channels", [1, 2])
def test_networks_of_fewer_channels(n_channels: int) -> None:
    theirs = _build("resnet18")
    theirs.conv1 = nn.Conv2d(n_channels, 64, 7, stride=2, padding=3, bias=False)
    settings = ImportSettings(size=SIZE, mean=(0.5,), std=(0.25,))
    adopted = adopt_network(_keep(theirs.state_dict()), "resnet18", CLASSES, settings)
    images = torch.rand(2, 1, *SIZE)
    expected = theirs(((images - 0.5) / 0.25).expand(-1, n_channels, -1, -1))
    torch.testing.assert_close(adopted.network(images).logits, expected, rtol=1e-4, atol=1e-4)


# What the file does not say


def test_the_size_is_given_or_stated_or_usual() -> None:
    state = _build("resnet18").state_dict()
    for beside, given, size in (
        ({"input_size": [3, 64, 96]}, None, (64, 96)),
        ({"input_size": (64, 96, 3)}, None, (64, 96)),
        ({"input_size": 512}, None, (224, 224)),  # the width of a classifier, in many notebooks
        ({"input_size": [3, 64, 64]}, (96, 96), (96, 96)),
    ):
        checkpoint = _keep({"state_dict": state, **beside})
        adopted = adopt_network(checkpoint, "resnet18", CLASSES, ImportSettings(size=given))
        assert (adopted.preprocessing.height, adopted.preprocessing.width) == size
        assert any("224 x 224" in one for one in adopted.assumptions) == (size == (224, 224))


def test_assumptions_are_told() -> None:
    checkpoint = _keep(_build("resnet18", _two_hidden).state_dict())
    told = adopt_network(checkpoint, "resnet18", CLASSES, ImportSettings(size=SIZE)).assumptions
    assert len(told) == 2
    assert "--mean" in told[0]
    assert "ReLU is taken to stand between the 3 linear layers" in told[1]
    given = ImportSettings(size=SIZE, mean=MEAN, std=STD, head_activation="none")
    assert adopt_network(checkpoint, "resnet18", CLASSES, given).assumptions == ()


def test_the_same_random_numbers_come_after_an_import() -> None:
    checkpoint = _keep(_build("resnet18").state_dict())
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    adopt_network(checkpoint, "resnet18", CLASSES, ImportSettings(size=SIZE))
    assert torch.equal(torch.rand(3), expected)


# What is refused


@pytest.mark.parametrize(
    ("arch", "told"),
    [
        ("resnet34", r"lacks 80 of 180 tensors of the resnet34 \(first: 'layer1.2.conv1.weight'"),
        ("resnet43", "'resnet43' is none of torchvision's .* did you mean 'resnet34'"),
        (
            "efficientnet_b0",
            r"lacks 'conv_stem.weight', the first .*\(the file's first is 'conv1.weig",
        ),
        ("resnext50_32x4d", "another architecture"),
        ("vgg16", "'vgg16' cannot be imported: its linear layers read the last map cell by cell"),
        ("compact", "'compact' is none of"),
        ("vit_b_16", "'vit_b_16' is none of"),
    ],
)
def test_another_architecture_is_refused(arch: str, told: str) -> None:
    checkpoint = _keep(_build("resnet18").state_dict())
    with pytest.raises(WeightsError, match=told):
        adopt_network(checkpoint, arch, CLASSES, ImportSettings(size=SIZE))


def test_a_deeper_network_is_refused() -> None:
    checkpoint = _keep(_build("resnet34").state_dict())
    with pytest.raises(WeightsError, match=r"holds 96 tensors that resnet18 has not \(first"):
        adopt_network(checkpoint, "resnet18", CLASSES, ImportSettings(size=SIZE))


def test_another_number_of_classes_is_refused_and_both_are_told() -> None:
    checkpoint = _keep(_build("resnet18").state_dict())
    with pytest.raises(WeightsError, match=r"saved.pth has 3 outputs, the classes are 2: a, b"):
        adopt_network(checkpoint, "resnet18", ("a", "b"), ImportSettings(size=SIZE))
    single = _keep(_build("resnet18", lambda n: nn.Linear(n, 1)).state_dict())
    with pytest.raises(WeightsError, match=r"has 1 outputs, the classes are 2.*--multilabel"):
        adopt_network(single, "resnet18", ("a", "b"), ImportSettings(size=SIZE))


def test_a_network_that_does_not_average_its_map_is_refused() -> None:
    """timm's ViT answers by its class token: the proof notices."""
    torch.manual_seed(0)
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=SIZE)
    checkpoint = _keep(theirs.state_dict(), "vit.pth")
    with pytest.raises(WeightsError, match=r"vit.pth: the logits .* are not those of an average"):
        adopt_network(checkpoint, "vit_tiny_patch16_224", CLASSES, ImportSettings(size=SIZE))


def test_a_wrong_epsilon_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is sharp: it sees BatchNorms that add 1e-3 to the variance in place of 1e-5."""
    state = _build("efficientnet_b0").state_dict()
    entry = TORCHVISION["efficientnet_b0"]
    monkeypatch.setitem(entry.options, "bn_eps", 1e-3)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match="not those of an average"):
        adopt_network(_keep(state), "efficientnet_b0", CLASSES, ImportSettings(size=SIZE))


def test_weights_that_are_not_finite_are_refused() -> None:
    for key in ("layer2.0.conv1.weight", "fc.bias"):
        state = _build("resnet18").state_dict()
        state[key].flatten()[0] = torch.nan
        with pytest.raises(WeightsError, match=f"'{key}' holds values that are not finite"):
            adopt_network(_keep(state), "resnet18", CLASSES, ImportSettings(size=SIZE))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (ImportSettings(mean=(0.5, 0.5)), "takes 3 channels, --mean has 2 numbers"),
        (ImportSettings(transform_input=True), "--transform-input belongs to torchvision's"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: ImportSettings, told: str) -> None:
    checkpoint = _keep(_build("resnet18").state_dict())
    with pytest.raises(WeightsError, match=told):
        adopt_network(checkpoint, "resnet18", CLASSES, settings)


def test_a_std_of_zero_is_refused() -> None:
    checkpoint = _keep(_build("resnet18").state_dict())
    with pytest.raises(RecipeError, match="std must be above 0"):
        adopt_network(checkpoint, "resnet18", CLASSES, ImportSettings(std=(0.0,)))
