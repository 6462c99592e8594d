"""A frozen backbone runs: images become pooled features, in OpenVINO or in PyTorch.

SPDX-License-Identifier: Apache-2.0
"""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from cxrlens.inference.fixed_batches import MANY, FixedBatches, count_streams
from cxrlens.inference.memory import explain_memory
from cxrlens.inference.openvino_engine import convert_module, has_bfloat16, set_up_compilation
from cxrlens.inference.precision import Precision
from cxrlens.inference.silent_openvino import openvino
from cxrlens.network import MapClassifier
from cxrlens.network.tensors import GreyBatch

FeatureTable = Float32[np.ndarray, "n features"]
"""Pooled features, one image a row."""

_WORTH_TRANSLATING = 1000
"""Images from which on OpenVINO saves more time than translating the network for it takes."""

_REFUSALS = (AssertionError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What PyTorch and OpenVINO raise on a network that they cannot translate."""


class FeatureEngine(ABC):
    """Computes the pooled features of a network whose weights stand still.

    Attributes:
        name: `openvino` or `torch`.
        precision: of its arithmetic.
    """

    name: str
    precision: Precision

    @abstractmethod
    def run(self, images: GreyBatch) -> FeatureTable:
        """Compute pooled features, before any norm that stands after pooling.

        Args:
            images: N x 1 x H x W in [0, 1], N from 1, on the engine's device.

        Returns:
            N x features.

        Raises:
            InputError: if the GPU has too little memory.
        """


class TorchFeatures(FeatureEngine):
    """Runs the backbone in PyTorch, where the network is.

    Args:
        network: in eval mode whenever it is run.
        precision: of the arithmetic.
    """

    name = "torch"

    def __init__(self, network: MapClassifier, precision: Precision = "float32") -> None:
        self._network, self.precision = network, precision

    def run(self, images: GreyBatch) -> FeatureTable:
        """Compute pooled features."""
        is_half = self.precision == "bfloat16"
        n, _, height, width = images.shape
        watch = explain_memory(
            f"the features of {n} images of {height} x {width} at once",
            "free some, or train with a smaller batch_size",
        )
        half = torch.autocast(images.device.type, torch.bfloat16, enabled=is_half)
        with watch, torch.inference_mode(), half:
            pooled = self._network.pool(images.contiguous(memory_format=torch.channels_last))
        return pooled.cpu().numpy()


class OpenVinoFeatures(FeatureEngine):
    """Runs the backbone in OpenVINO, with as many threads as PyTorch has when it is made.

    Args:
        network: on the processor, in eval mode; its weights are those of this moment.
        input_size: (height, width) of its input in pixels.
        precision: of the arithmetic.
    """

    name = "openvino"

    def __init__(
        self,
        network: MapClassifier,
        input_size: tuple[int, int],
        precision: Precision = "float32",
    ) -> None:
        self.precision = precision
        self._network, self._input_size = network, input_size
        self._settings = set_up_compilation(precision)
        self._core = openvino.Core()
        self._batches = FixedBatches(self._compile, count_streams())
        # What OpenVINO does not take, or takes otherwise, is to be known at once.
        self._prove(network)

    def run(self, images: GreyBatch) -> FeatureTable:
        """Compute pooled features."""
        return self._batches.run(images.numpy())[0]

    def _prove(self, network: MapClassifier) -> None:
        """Hold one batch against PyTorch.

        Raises:
            RuntimeError: if it is another network.
        """
        images = torch.rand(MANY, 1, *self._input_size, generator=torch.Generator().manual_seed(0))
        ours, theirs = self.run(images), TorchFeatures(network).run(images)
        bound = 0.1 if self.precision == "bfloat16" else 1e-3
        if not np.abs(ours - theirs).max() <= bound * np.abs(theirs).max():
            raise RuntimeError("OpenVINO gives other features than PyTorch")

    def _compile(self, size: int, streams: int) -> openvino.CompiledModel:
        model = self._translated
        model.reshape([size, 1, *self._input_size])
        return self._core.compile_model(model, "CPU", {**self._settings, "NUM_STREAMS": streams})

    @cached_property
    def _translated(self) -> openvino.Model:
        return convert_module(_Pooled(self._network), self._input_size)


def open_feature_engine(
    network: MapClassifier, input_size: tuple[int, int], precision: str, n_images: int
) -> FeatureEngine:
    """Make the engine that is soonest done with some images.

    Args:
        network: in eval mode, on its device; its weights must stand still as long as it is used.
        input_size: (height, width) of its input in pixels.
        precision: `float32` or `bfloat16`, the training's; where the processor would only emulate
            bfloat16, float32 is taken.
        n_images: that it will be given in all.

    Returns:
        PyTorch on a GPU, for few images, and for a network that OpenVINO does not take; else
        OpenVINO.
    """
    is_on_gpu = next(network.parameters()).device.type != "cpu"
    is_half = precision == "bfloat16" and (is_on_gpu or has_bfloat16())
    chosen: Precision = "bfloat16" if is_half else "float32"
    if is_on_gpu or n_images < _WORTH_TRANSLATING:
        return TorchFeatures(network, chosen)
    try:
        return OpenVinoFeatures(network, input_size, chosen)
    except _REFUSALS:  # the engine's name, which is kept in the record, says that it was so
        return TorchFeatures(network, chosen)


class _Pooled(nn.Module):
    """What comes before the cut."""

    def __init__(self, network: MapClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.network.pool(images)
        return pooled
