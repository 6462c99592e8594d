"""Grad-CAM by its formula, by two libraries, and beside the class activation map.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from cxrlens.explanation import Maps, Question, find_method
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import Geometry, Heatmap

BuildEngine = Callable[..., TorchEngine]
Ask = Callable[..., Question]


class Logits(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images).logits


def make(name: str, engine: TorchEngine, question: Question, **options: object) -> Maps:
    method = find_method(name)
    return method.make(engine, question, method.read_settings(options))


def as_tensor(question: Question) -> torch.Tensor:
    return torch.from_numpy(question.pixels)[:, None]


def scale_up(grid: np.ndarray, side: int) -> np.ndarray:
    """To [0, 1] and to the image, as pytorch-grad-cam does it."""
    whole = Geometry((side, side), (side, side), 0.0, 0.0, float(side), float(side))
    large = Heatmap(scale(grid), whole, "a", "b").on_source()
    return scale(large)


def scale(grid: np.ndarray) -> np.ndarray:
    return (grid - grid.min()) / (grid.max() - grid.min())


@pytest.mark.parametrize("hidden", [(), (16, 8)])
def test_against_the_formula(hidden: tuple[int, ...], build_engine: BuildEngine, ask: Ask) -> None:
    """Equations 1 and 2 in float64, one channel and one class at a time."""
    engine, question = build_engine(hidden=hidden), ask(3)
    found = make("gradcam", engine, question)
    network = engine.network.double()
    for n, target in enumerate(question.targets):
        image = as_tensor(question)[n : n + 1].double()
        with torch.no_grad():
            features, _ = network.backbone.compute((image - network.mean) / network.std)
        features = network.backbone.normalise(features).requires_grad_()
        network.head(features).logits[0, target].backward()
        slopes, values = features.grad[0].numpy(), features.detach()[0].numpy()
        heat = np.zeros(values.shape[1:])
        for channel in range(len(values)):
            alpha = sum(slopes[channel].ravel()) / slopes[channel].size
            heat += alpha * values[channel]
        np.testing.assert_allclose(
            found[n], np.maximum(heat, 0), rtol=1e-4, atol=1e-5 * np.abs(heat).max()
        )


@pytest.mark.parametrize("family", ["compact", "resnet18", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("hidden", [(), (16,)])
def test_it_is_the_positive_part_of_cam(
    family: str, hidden: tuple[int, ...], build_engine: BuildEngine, ask: Ask
) -> None:
    engine, question = build_engine(family, hidden=hidden), ask(2)
    cam = make("cam", engine, question)
    expected = np.maximum(cam, 0) / cam[0].size
    atol = 1e-6 * np.abs(cam).max() / cam[0].size
    np.testing.assert_allclose(make("gradcam", engine, question), expected, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("layer", ["pooled_map", "layer3", "layer2.0"])
def test_against_captum(layer: str, build_engine: BuildEngine, ask: Ask) -> None:
    engine, question = build_engine("resnet18", 3), ask(3)
    modules = dict(engine.network.backbone.network.named_modules())
    module = modules.get(layer, engine.network.pooled_map)
    expected = LayerGradCam(Logits(engine.network), module).attribute(
        as_tensor(question), torch.from_numpy(question.targets), relu_attributions=True
    )
    expected = expected.detach()[:, 0].numpy()
    np.testing.assert_allclose(
        make("gradcam", engine, question, layer=layer),
        expected, rtol=1e-4, atol=1e-4 * expected.max(),
    )  # fmt: skip


@pytest.mark.parametrize("layer", ["pooled_map", "layer3"])
def test_against_pytorch_grad_cam(layer: str, build_engine: BuildEngine, ask: Ask) -> None:
    engine, question = build_engine("resnet18", 3), ask(3)
    modules = dict(engine.network.backbone.network.named_modules())
    module = modules.get(layer, engine.network.pooled_map)
    with GradCAM(Logits(engine.network), [module]) as library:
        asked = [ClassifierOutputTarget(int(target)) for target in question.targets]
        expected = library(as_tensor(question), asked)
    found = make("gradcam", engine, question, layer=layer)
    assert all(np.ptp(grid) > 0 for grid in found)
    for grid, heat in zip(found, expected, strict=True):
        np.testing.assert_allclose(scale_up(grid, 64), heat, atol=1e-4)
