"""Both engines give the pooled features that the network's own parts give.

SPDX-License-Identifier: Apache-2.0
"""

import pytest
import torch

from cxrlens.inference import open_feature_engine
from cxrlens.inference.feature_engine import OpenVinoFeatures, TorchFeatures
from cxrlens.inference.openvino_engine import has_bfloat16
from cxrlens.network import MapClassifier, NetworkSpec, build_classifier

SIZE = (64, 48)

SPECS = [
    NetworkSpec("compact", {"width": 4}, (0.5,), (0.25,)),
    NetworkSpec("resnet18"),
    NetworkSpec("convnext_atto"),
    NetworkSpec("inception_v3", {"aux_logits": True}),
]


def find_size(spec: NetworkSpec) -> tuple[int, int]:
    """Inception's auxiliary head needs a map of 17 x 17 cells."""
    return (299, 299) if spec.backbone == "inception_v3" else SIZE


def build(spec: NetworkSpec) -> MapClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_classifier(spec, 2, find_size(spec)).eval()


def draw(n: int, size: tuple[int, int] = SIZE) -> torch.Tensor:
    return torch.rand(n, 1, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.backbone)
@torch.no_grad()
def test_what_follows_the_features_gives_the_networks_logits(spec: NetworkSpec) -> None:
    network = build(spec)
    images = draw(2, find_size(spec))
    pooled = torch.from_numpy(TorchFeatures(network).run(images))
    normalised = (images - network.mean) / network.std
    expected = network.backbone(normalised).mean(dim=(2, 3))
    torch.testing.assert_close(pooled, expected)
    torch.testing.assert_close(
        network.answer_pooled(pooled), network(images).logits, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("spec", SPECS[:3], ids=lambda spec: spec.backbone)
def test_openvino_gives_what_pytorch_gives(spec: NetworkSpec) -> None:
    network = build(spec)
    images = draw(11)
    reference = TorchFeatures(network).run(images)
    engine = OpenVinoFeatures(network, SIZE)
    found = engine.run(images)
    assert (found.shape, found.dtype) == (reference.shape, reference.dtype)
    assert abs(found - reference).max() <= 1e-5 * abs(reference).max()
    flipped = draw(11).flip(-1)  # not laid out row by row
    backwards = engine.run(flipped)
    assert abs(backwards - TorchFeatures(network).run(flipped)).max() <= 1e-5 * abs(reference).max()


def test_openvino_gives_the_same_bits_again() -> None:
    """What a resumed training computes anew must be what it had."""
    network = build(SPECS[0])
    first, second = (OpenVinoFeatures(network, SIZE).run(draw(11)) for _ in range(2))
    assert (first == second).all()


def test_parameters_after_pooling_are_those_that_the_logits_need() -> None:
    for spec in (SPECS[0], SPECS[2]):
        network = build(spec)
        pooled = torch.rand(2, network.backbone.n_features)
        network.answer_pooled(pooled).sum().backward()
        used = {id(one) for one in network.parameters() if one.grad is not None}
        assert used == {id(one) for one in network.list_after_pooling()}


def test_few_images_stay_in_pytorch() -> None:
    network = build(SPECS[0])
    few = open_feature_engine(network, SIZE, "float32", 999)
    many = open_feature_engine(network, SIZE, "float32", 1000)
    assert (few.name, few.precision) == ("torch", "float32")
    assert (many.name, many.precision) == ("openvino", "float32")


def test_what_openvino_does_not_take_stays_in_pytorch() -> None:
    """A path that depends on the values of the images cannot be translated."""
    network = build(SPECS[0])

    class Choosy(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images if images.sum() > 0 else -images

    network.backbone.network.stem.append(Choosy())  # type: ignore[union-attr, operator]
    engine = open_feature_engine(network, SIZE, "float32", 1000)
    assert engine.name == "torch"
    assert engine.run(draw(2)).shape == (2, network.backbone.n_features)


@pytest.mark.parametrize("n_images", [1, 1000])
def test_bfloat16_is_taken_where_the_processor_has_it(n_images: int) -> None:
    network = build(SPECS[0])
    engine = open_feature_engine(network, SIZE, "bfloat16", n_images)
    assert engine.precision == ("bfloat16" if has_bfloat16() else "float32")
    reference = TorchFeatures(network).run(draw(9))
    assert abs(engine.run(draw(9)) - reference).max() < 0.05 * abs(reference).max()
