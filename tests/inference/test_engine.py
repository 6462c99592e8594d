"""The engine gives what the network gives.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch

from cxrlens.inference import Bundle, TorchEngine, choose_device
from cxrlens.inference.engine import ImageBatch


@pytest.fixture
def images() -> ImageBatch:
    return np.random.default_rng(0).random((5, 64, 64), dtype=np.float32)


def test_it_is_the_network(bundle: Bundle, images: ImageBatch) -> None:
    with torch.no_grad():
        logits, maps, *_ = bundle.network(torch.from_numpy(images)[:, None])
    bundle.network.train()  # the engine has to see to eval mode itself
    output = TorchEngine(bundle.network, "cpu").run(images)
    assert output.logits.dtype == output.maps.dtype == np.float32
    np.testing.assert_allclose(output.logits, logits.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(output.maps, maps.numpy(), rtol=1e-4, atol=1e-5)


def test_batched_is_one_by_one(bundle: Bundle, images: ImageBatch) -> None:
    engine = TorchEngine(bundle.network, "cpu")
    together = engine.run(images)
    for number in range(len(images)):
        alone = engine.run(images[number : number + 1])
        np.testing.assert_allclose(alone.logits[0], together.logits[number], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(alone.maps[0], together.maps[number], rtol=1e-4, atol=1e-5)


def test_any_array_will_do_and_none_is_changed(bundle: Bundle, images: ImageBatch) -> None:
    engine = TorchEngine(bundle.network, "cpu")
    expected = engine.run(images).logits
    before = images.copy()
    images.setflags(write=False)
    np.testing.assert_array_equal(engine.run(images).logits, expected)
    np.testing.assert_array_equal(images, before)
    backwards = np.ascontiguousarray(images[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_array_equal(engine.run(backwards).logits, expected)


def test_the_device() -> None:
    assert choose_device() == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_says_what_the_processor_says(bundle: Bundle, images: ImageBatch) -> None:
    slow = TorchEngine(bundle.network, "cpu").run(images)
    fast = TorchEngine(bundle.network, "cuda").run(images)
    np.testing.assert_allclose(fast.logits, slow.logits, atol=1e-3)
