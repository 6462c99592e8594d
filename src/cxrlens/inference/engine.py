"""A trained network runs on arrays: logits and maps of a batch.

SPDX-License-Identifier: Apache-2.0
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from cxrlens.inference.memory import explain_memory
from cxrlens.network import MapClassifier

_HIDE_GPU = "free some, or hide the GPU with CUDA_VISIBLE_DEVICES= so that the processor is used"

ImageBatch = Float32[np.ndarray, "n h w"]
"""Grey images in [0, 1] at the network's input size."""


class EngineOutput(NamedTuple):
    """What an engine gives for a batch."""

    logits: Float32[np.ndarray, "n k"]
    """One a class."""

    maps: Float32[np.ndarray, "n k rows cols"]
    """Class activation maps, signed, in units of the logit."""


class TorchEngine:
    """Runs the network in PyTorch, float32, in eval mode.

    Args:
        network: moved to the device and left in eval mode.
        device: a torch device; None takes the GPU where there is one.

    Attributes:
        device: where it runs.
        network: what it runs, for methods that need gradients.
    """

    def __init__(self, network: MapClassifier, device: str | None = None) -> None:
        self.device = torch.device(device or choose_device())
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()

    def run(self, images: ImageBatch) -> EngineOutput:
        """Compute logits and maps of a batch.

        Args:
            images: N x H x W in [0, 1].

        Returns:
            Logits N x K and maps N x K x rows x cols.

        Raises:
            InputError: if the GPU has too little memory.
        """
        n, height, width = images.shape
        what = f"{n} images of {height} x {width} at once"
        with explain_memory(what, _HIDE_GPU), torch.inference_mode():
            # A copy: arrays may be read-only (mapped from a file) or run backwards.
            batch = torch.from_numpy(images.copy())[:, None].to(self.device)
            output = self.network(batch.contiguous(memory_format=torch.channels_last))
        return EngineOutput(output.logits.cpu().numpy(), output.maps.cpu().numpy())


def choose_device() -> str:
    """Name the device that would run: `cuda` where torch can use a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
