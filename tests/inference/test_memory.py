"""A GPU without memory left is told in one sentence.

SPDX-License-Identifier: Apache-2.0
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from cxrlens.inference import TorchEngine
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.vocabulary import InputError


class Full(nn.Module):
    """A head for which there is no memory."""

    def forward(self, *_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_answering_names_the_images_and_the_way_out() -> None:
    network = build_classifier(NetworkSpec("resnet18", {}, (0.5,), (0.5,)), 2, (64, 64))
    network.head.forward = Full().forward
    with pytest.raises(InputError) as caught:
        TorchEngine(network, "cpu").run(np.zeros((3, 64, 48), dtype=np.float32))
    assert "3 images of 64 x 48 at once" in str(caught.value)
    assert "CUDA_VISIBLE_DEVICES=" in str(caught.value)


def test_where_no_gpu_is_seen_the_processor_runs() -> None:
    code = "from cxrlens.inference import choose_device; print(choose_device())"
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    found = subprocess.run(
        [sys.executable, "-c", code], env=hidden, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "cpu"
