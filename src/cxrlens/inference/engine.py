"""A trained network runs on arrays: logits, maps and features of a batch.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from cxrlens.inference.memory import explain_memory
from cxrlens.inference.precision import Precision
from cxrlens.network import MapClassifier

_HIDE_GPU = "free some, or hide the GPU with CUDA_VISIBLE_DEVICES= so that the processor is used"

ImageBatch = Float32[np.ndarray, "n h w"]
"""Grey images in [0, 1] at the network's input size."""


NetworkSource = MapClassifier | Callable[[], MapClassifier]
"""A network, or what gives it."""


class EngineOutput(NamedTuple):
    """What an engine gives for a batch."""

    logits: Float32[np.ndarray, "n k"]
    """One a class."""

    maps: Float32[np.ndarray, "n k rows cols"]
    """Class activation maps, signed, in units of the logit."""

    features: Float32[np.ndarray, "n features"]
    """Means of the last feature map over its places, before any norm that stands after pooling."""


class TorchEngine:
    """Runs the network in PyTorch, float32, in eval mode.

    Args:
        network: moved to the device and left in eval mode; or what gives it, asked when it is
            first needed.
        device: a torch device; None takes the GPU where there is one.

    Attributes:
        name: as it is asked for.
        precision: of its arithmetic.
        device: where it runs.
    """

    name: str = "torch"
    precision: Precision = "float32"

    def __init__(self, network: NetworkSource, device: str | None = None) -> None:
        self.device = torch.device(device or choose_device())
        if isinstance(network, MapClassifier):
            self.network = self._place_network(network)
        else:
            self._source = network

    @cached_property
    def network(self) -> MapClassifier:
        """What it runs, for methods that need gradients."""
        return self._place_network(self._source())

    def _place_network(self, network: MapClassifier) -> MapClassifier:
        # What is asked for in the middle of an answer must be fit for gradients too.
        with torch.inference_mode(mode=False):
            return network.to(self.device).to(memory_format=torch.channels_last).eval()

    def run(self, images: ImageBatch) -> EngineOutput:
        """Compute logits, maps and features of a batch.

        Args:
            images: N x H x W in [0, 1].

        Returns:
            Logits N x K, maps N x K x rows x cols and features N x F.

        Raises:
            InputError: if the GPU has too little memory.
        """
        with self._watch_memory(images), torch.inference_mode():
            output = self.network(self._place(images))
        return EngineOutput(
            *(one.cpu().numpy() for one in (output.logits, output.maps, output.features))
        )

    @contextmanager
    def differentiate(self, images: ImageBatch) -> Iterator[torch.Tensor]:
        """Give a batch as a tensor, for a block in which gradients are recorded.

        Args:
            images: N x H x W in [0, 1].

        Yields:
            N x 1 x H x W on the device, as `network` takes it.

        Raises:
            InputError: if the GPU has too little memory for what the block does.
        """
        watch = self._watch_memory(images)
        with watch, torch.inference_mode(mode=False), torch.enable_grad():
            yield self._place(images)

    def _place(self, images: ImageBatch) -> torch.Tensor:
        # A copy: arrays may be read-only (mapped from a file) or run backwards.
        batch = torch.from_numpy(images.copy())[:, None].to(self.device)
        return batch.contiguous(memory_format=torch.channels_last)

    def _watch_memory(self, images: ImageBatch) -> AbstractContextManager[None]:
        n, height, width = images.shape
        return explain_memory(f"{n} images of {height} x {width} at once", _HIDE_GPU)


def choose_device() -> str:
    """Name the device that would run: `cuda` where torch can use a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
