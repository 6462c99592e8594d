"""A layer's activations and gradients are the network's own.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from cxrlens.explanation import Question
from cxrlens.explanation.layer import LayerSettings, trace_layer
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import InputError

BuildEngine = Callable[..., TorchEngine]
Ask = Callable[..., Question]

VIT, SWIN = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"


def shift(_: object, __: object, output: torch.Tensor, place: tuple[int, ...], step: float) -> None:
    output[place] += step


def test_gradients_are_differences(engine: TorchEngine, question: Question) -> None:
    """In float64, one activation at a time moved a little by a hook of its own."""
    trace = trace_layer(engine, question, LayerSettings("pooled_map"))
    network = engine.network.double()
    images = torch.from_numpy(question.pixels).double()[:, None]
    random = np.random.default_rng(0)
    for _ in range(20):
        place = tuple(random.integers(0, trace.activations.shape).tolist())
        logits = []
        for step in (1e-3, -1e-3):
            move = partial(shift, place=place, step=step)
            handle = network.pooled_map.register_forward_hook(move)
            with torch.no_grad():
                logits.append(network(images).logits[place[0], question.targets[place[0]]])
            handle.remove()
        slope = float(logits[0] - logits[1]) / 2e-3
        assert trace.gradients[place] == pytest.approx(slope, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("layer", ["layer2", "backbone.network.layer2", "bn1", "layer3.0.act1"])
@pytest.mark.parametrize("is_frozen", [False, True])
def test_they_are_what_torch_keeps(
    layer: str, is_frozen: bool, build_engine: BuildEngine, ask: Ask
) -> None:
    """Of a layer before an in-place ReLU too, and of a network whose weights are frozen."""
    engine, question = build_engine("resnet18", 2), ask(2, 64, 2)
    kept = []
    modules = dict(engine.network.backbone.network.named_modules())
    module = modules[layer.rsplit("network.", maxsplit=1)[-1]]

    def keep(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
        kept.append(output)
        return output.clone()

    handle = module.register_forward_hook(keep)
    logits = engine.network(torch.from_numpy(question.pixels)[:, None]).logits
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[[0, 1], question.targets].sum(), kept[0])
    engine.network.requires_grad_(not is_frozen)
    trace = trace_layer(engine, question, LayerSettings(layer))
    expected = logits[[0, 1], question.targets].detach().numpy()
    np.testing.assert_allclose(trace.logits, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(trace.activations, kept[0].detach().numpy(), rtol=1e-4, atol=1e-5)
    scale = float(gradient.abs().max())
    np.testing.assert_allclose(trace.gradients, gradient.numpy(), rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("family", "layer", "shape"),
    [
        (VIT, "pooled_map", (192, 4, 4)),
        (VIT, "patch_embed", (192, 4, 4)),
        (VIT, "blocks.10", (192, 4, 4)),
        (VIT, "blocks.11.norm1", (192, 4, 4)),
        (VIT, "blocks.0.mlp.fc1", (768, 4, 4)),
        (SWIN, "pooled_map", (768, 2, 2)),
        (SWIN, "patch_embed.proj", (96, 16, 16)),
        (SWIN, "layers.0", (96, 16, 16)),
        (SWIN, "layers.2.blocks.1", (384, 4, 4)),
        ("convnext_atto", "stages.1", (80, 8, 8)),
        ("convnext_atto", "stages.0.blocks.0.mlp", (40, 16, 16)),
        ("densenet121", "features.denseblock2", (512, 8, 8)),
        ("compact", "pooled_map", (16, 8, 8)),
    ],
)
def test_inner_layers_are_laid_out(
    family: str, layer: str, shape: tuple[int, ...], build_engine: BuildEngine, ask: Ask
) -> None:
    trace = trace_layer(build_engine(family, 2), ask(1, 64, 2), LayerSettings(layer))
    assert trace.activations.shape == trace.gradients.shape == (1, *shape)
    assert np.isfinite(trace.activations).all()
    assert trace.gradients.any()


@pytest.mark.parametrize(
    ("family", "layer", "given"),
    [
        (VIT, "norm_pre_", "unknown layer"),
        (VIT, "blocks.0.attn.qkv.weight", "unknown layer"),
        (SWIN, "layers.0.blocks.0.attn", r"gives no map \(float32 of "),
        ("efficientnet_b0", "blocks.1.0.se.conv_reduce", r"gives no map \(float32 of 1 x 4 x 1 x"),
        ("convnext_atto", "head.norm", r"gives no map \(nothing\)"),
        ("resnet18", "layer5", "unknown layer 'layer5' of ResNet; did you mean 'layer"),
    ],
)
def test_what_is_no_map_is_refused(
    family: str, layer: str, given: str, build_engine: BuildEngine, ask: Ask
) -> None:
    engine = build_engine(family, 2)
    hooks = [len(module._forward_hooks) for module in engine.network.modules()]
    with pytest.raises(InputError, match=given):
        trace_layer(engine, ask(1, 64, 2), LayerSettings(layer))
    assert [len(module._forward_hooks) for module in engine.network.modules()] == hooks


def test_a_layer_that_nothing_hangs_on_has_no_gradient(
    engine: TorchEngine, question: Question
) -> None:
    with torch.no_grad():
        engine.network.head.output.weight.zero_()
    trace = trace_layer(engine, question, LayerSettings())
    assert trace.activations.any()
    assert not trace.gradients.any()
