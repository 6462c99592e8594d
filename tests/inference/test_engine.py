"""The engine gives what the network gives.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from cxrlens.inference import Bundle, TorchEngine, choose_device, save_bundle
from cxrlens.inference.engine import ImageBatch
from cxrlens.model import Model
from cxrlens.network import NetworkSpec


@pytest.fixture
def images() -> ImageBatch:
    return np.random.default_rng(0).random((5, 64, 64), dtype=np.float32)


def test_it_is_the_network(bundle: Bundle, images: ImageBatch) -> None:
    with torch.no_grad():
        logits, maps, *_ = bundle.network(torch.from_numpy(images)[:, None])
        pooled = bundle.network.pool(torch.from_numpy(images)[:, None])
    bundle.network.train()  # the engine has to see to eval mode itself
    output = TorchEngine(bundle.network, "cpu").run(images)
    assert {one.dtype for one in output} == {np.dtype(np.float32)}
    np.testing.assert_allclose(output.features, pooled.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(output.logits, logits.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(output.maps, maps.numpy(), rtol=1e-4, atol=1e-5)


def test_gradients_are_recorded_wherever_it_is_asked(bundle: Bundle, images: ImageBatch) -> None:
    engine = TorchEngine(bundle.network, "cpu")
    with torch.inference_mode():
        with engine.differentiate(images[::-1]) as batch:
            batch.requires_grad_()
            logits = engine.network(batch).logits
            (slope,) = torch.autograd.grad(logits.sum(), batch)
        assert torch.is_inference_mode_enabled()
    assert torch.equal(batch[:, 0].detach(), torch.from_numpy(images[::-1].copy()))
    assert slope.shape == batch.shape
    assert slope.any()
    np.testing.assert_array_equal(logits.detach().numpy(), engine.run(images[::-1]).logits)


def test_batched_is_one_by_one(bundle: Bundle, images: ImageBatch) -> None:
    engine = TorchEngine(bundle.network, "cpu")
    together = engine.run(images)
    for number in range(len(images)):
        alone = engine.run(images[number : number + 1])
        np.testing.assert_allclose(alone.logits[0], together.logits[number], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(alone.maps[0], together.maps[number], rtol=1e-4, atol=1e-5)


def test_threads_and_batches_move_no_decision(
    make_bundle: Callable[..., Bundle], phantom_folder: Path, tmp_path: Path
) -> None:
    """On a network of timm: one or two threads, one image or 64, files one by one or all."""
    spec = NetworkSpec("resnet18", {}, mean=(0.5,) * 3, std=(0.25,) * 3)
    bundle = save_bundle(make_bundle(spec), tmp_path / "bundle")
    random = np.random.default_rng(3)
    coarse = random.random((64, 8, 8), dtype=np.float32)
    images = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2)
    engine = TorchEngine(bundle.network, "cpu")
    threads = torch.get_num_threads()
    found = []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(engine.run(images).logits)
            found.append(np.concatenate([engine.run(one[None]).logits for one in images]))
    finally:
        torch.set_num_threads(threads)
    shares = [softmax(logits.astype(np.float64), axis=1) for logits in found]
    assert np.ptp(shares[0][:, 0]) > 0.01
    for other in shares[1:]:
        np.testing.assert_allclose(other, shares[0], rtol=0, atol=1e-4)
        assert (other.argmax(axis=1) == shares[0].argmax(axis=1)).all()
    paths = sorted(phantom_folder.glob("[cnp]*/*.png"))[::6]
    model = Model(bundle)
    for path, among in zip(paths, model.predict_many(paths), strict=True):
        alone = model.predict(path)
        assert alone.refusal is None
        assert alone.decision == among.decision
        np.testing.assert_allclose(alone.probabilities, among.probabilities, rtol=0, atol=1e-4)


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
