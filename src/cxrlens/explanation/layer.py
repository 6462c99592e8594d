"""What one layer gives for each image, and how each logit would follow a change of it.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from cxrlens.explanation.method import Maps
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine
from cxrlens.network import MapClassifier
from cxrlens.vocabulary import Flags, InputError, suggest

POOLED_MAP = "pooled_map"
"""The layer whose output is pooled: the last place where the network still knows where."""


@dataclass(frozen=True)
class LayerSettings:
    """Of methods that look at one layer."""

    layer: str = POOLED_MAP
    """The module whose output is looked at, by its dotted name in the network or in timm's
    architecture (`layer3`, `blocks.10`); the default is the map that is pooled."""


class LayerTrace(NamedTuple):
    """One layer during one forward pass."""

    logits: Float32[np.ndarray, " n"]
    """Of the class that is asked about."""

    activations: Float32[np.ndarray, "n c rows cols"]
    """The layer's output, as a map."""

    gradients: Float32[np.ndarray, "n c rows cols"]
    """The derivative of the logit by each activation; 0 where it does not depend on the layer."""

    @property
    def is_finite(self) -> Flags:
        """Of every image, whether all of this is numbers, so that a map of it can say anything."""
        finite = [np.isfinite(part.reshape(len(part), -1)).all(axis=1) for part in self]
        return np.asarray(np.all(finite, axis=0))

    def make_blank(self) -> Maps:
        """Maps of the layer's grid that say nothing: NaN everywhere."""
        n, _, rows, cols = self.activations.shape
        return np.full((n, rows, cols), np.nan, dtype=np.float32)


def trace_layer(engine: TorchEngine, question: Question, settings: LayerSettings) -> LayerTrace:
    """Run the network, and look at one layer.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: which layer; a layer that runs more than once is taken at its last time.

    Returns:
        Its activations and gradients, laid out as maps.

    Raises:
        InputError: if there is no such layer, or its output is no map.
    """
    network = engine.network
    module = _find_module(network, settings.layer)
    outputs: list[object] = []
    with engine.differentiate(question.pixels) as images, _tap(module, outputs):
        answer = network(images)
        rows = torch.arange(len(images), device=images.device)
        asked = answer.logits[rows, torch.from_numpy(question.targets).to(images.device)]
        leaf = outputs[-1] if outputs else None
        if not (isinstance(leaf, Tensor) and leaf.requires_grad):
            raise _refuse_output(settings.layer, leaf)
        gradient = None
        if asked.requires_grad:
            (gradient,) = torch.autograd.grad(asked.sum(), leaf, allow_unused=True)
        traced = torch.stack([leaf, torch.zeros_like(leaf) if gradient is None else gradient])
        maps = [_arrange(network, settings.layer, part, images, answer.maps) for part in traced]
    return LayerTrace(asked.detach().cpu().numpy(), *maps)


def _arrange(
    network: MapClassifier, name: str, output: Tensor, images: Tensor, maps: Tensor
) -> np.ndarray:
    arranged: Tensor | None = output
    if name != POOLED_MAP:
        cells = (maps.shape[2], maps.shape[3])
        arranged = network.backbone.arrange_inner(output, images.shape, cells)
    if arranged is None:
        raise _refuse_output(name, output)
    return np.asarray(arranged.detach().float().cpu().numpy())


@contextmanager
def _tap(module: nn.Module, outputs: list[object]) -> Iterator[None]:
    """Keep what a module gives while the block runs, each a leaf that gradients can be asked of.

    Nothing is recorded of what comes before the module: it costs no time and no memory.
    """

    def keep(_: nn.Module, __: object, output: object) -> Tensor | None:
        if not (isinstance(output, Tensor) and output.is_floating_point()):
            outputs.append(output)
            return None
        torch.set_grad_enabled(mode=True)  # until the block ends
        leaf = output.detach().requires_grad_()
        outputs.append(leaf)
        return leaf.clone()  # what follows may change its input in place, such as a ReLU

    handle = module.register_forward_hook(keep)
    try:
        with torch.no_grad():
            yield
    finally:
        handle.remove()


def _find_module(network: MapClassifier, name: str) -> nn.Module:
    architecture = network.backbone.network
    modules: dict[str, nn.Module] = dict(architecture.named_modules())
    modules.update(network.named_modules())
    modules.pop("")
    if name not in modules:
        blocks = [POOLED_MAP, *(block for block, _ in architecture.named_children())]
        is_near = get_close_matches(name, modules, n=1)
        raise InputError(
            f"unknown layer {name!r} of {type(architecture).__name__}; "
            f"{suggest(name, modules if is_near else blocks)}"
        )
    return modules[name]


def _refuse_output(name: str, output: object) -> InputError:
    given = "nothing"
    if isinstance(output, Tensor):
        given = f"{output.dtype} of {' x '.join(map(str, output.shape))}".removeprefix("torch.")
    elif output is not None:
        given = type(output).__name__
    return InputError(
        f"layer {name!r} gives no map ({given}) when the network answers; choose another, such as "
        f"{POOLED_MAP!r}"
    )
