"""ONNX Runtime gives what PyTorch gives.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxrlens.inference import Bundle, CompiledCache, OnnxEngine, TorchEngine
from cxrlens.network import NetworkSpec

SIZE = (64, 64)


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec("compact", {"width": 4}, mean=(0.5,), std=(0.25,)),
        NetworkSpec("resnet18", hidden=(8, 6)),
        NetworkSpec("convnext_atto"),
    ],
    ids=lambda spec: spec.backbone,
)
def test_it_is_the_network(
    spec: NetworkSpec, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    images = np.random.default_rng(0).random((17, 64, 64), dtype=np.float32)
    network = make_bundle(spec).network
    reference = TorchEngine(network, "cpu").run(images)
    cache = CompiledCache(tmp_path / "cache", "a" * 64)
    engine = OnnxEngine(network, SIZE, cache)
    assert (engine.name, engine.precision) == ("onnxruntime", "float32")
    for found in (engine.run(images), OnnxEngine(network, SIZE, cache).run(images)):
        for one, other in zip(found, reference, strict=True):
            assert one.dtype == np.float32
            assert one.shape == other.shape
            assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max()
    assert len(list(cache.folder.iterdir())) == 1
    np.testing.assert_allclose(engine.run(images[:1]).logits, reference.logits[:1], rtol=1e-4)
