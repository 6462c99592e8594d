"""OpenVINO gives what PyTorch gives, and a damaged cache gives nothing.

SPDX-License-Identifier: Apache-2.0
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrlens.inference import (
    Bundle,
    CompiledCache,
    EngineName,
    OpenVinoEngine,
    Precision,
    TorchEngine,
    open_engine,
    resolve_engine,
    save_bundle,
)
from cxrlens.inference.engine import ImageBatch
from cxrlens.inference.openvino_engine import has_bfloat16
from cxrlens.model import load
from cxrlens.network import NetworkSpec
from cxrlens.vocabulary import InputError, digest

SIZE = (64, 64)

SPECS = [
    NetworkSpec("resnet18", hidden=(8, 6)),
    NetworkSpec("mobilenetv2_100", {"act_layer": "relu"}),
    NetworkSpec("convnext_atto"),
    NetworkSpec("vit_tiny_patch16_224", {"depth": 2}),
    NetworkSpec("densenet121", {"growth_rate": 4, "block_config": (2, 2)}),
    NetworkSpec("residual", {"width": 4, "depth": 3}, mean=(0.5,), std=(0.25,)),
]

needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="no bfloat16 in this processor")


@pytest.fixture
def images() -> ImageBatch:
    return np.random.default_rng(0).random((11, 64, 64), dtype=np.float32)


def compare(engine: TorchEngine, bundle: Bundle, images: ImageBatch, bound: float) -> None:
    """Hold an engine against the reference, as a share of the largest value."""
    reference = TorchEngine(bundle.network, "cpu").run(images)
    found = engine.run(images)
    for one, other in zip(found, reference, strict=True):
        assert one.dtype == np.float32
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= bound * np.abs(other).max()


def test_it_is_the_network(bundle: Bundle, images: ImageBatch) -> None:
    engine = OpenVinoEngine(bundle.network, SIZE)
    assert (engine.name, engine.precision) == ("openvino", "float32")
    compare(engine, bundle, images, 1e-5)
    many = np.concatenate([images, images, images])
    np.testing.assert_array_equal(engine.run(many).maps[16:33], engine.run(many[16:33]).maps)
    for n in (1, 7, 8, 9):
        np.testing.assert_allclose(
            engine.run(images[:n]).logits, engine.run(images).logits[:n], rtol=1e-4, atol=1e-5
        )
    images.setflags(write=False)
    backwards = np.ascontiguousarray(images[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_array_equal(engine.run(backwards).maps, engine.run(images).maps)
    # What needs gradients is answered by PyTorch.
    with engine.differentiate(images[:2]) as batch:
        batch.requires_grad_()
        engine.network(batch).logits.sum().backward()
        assert batch.grad is not None
        assert batch.grad.any()


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.backbone)
def test_every_family(
    spec: NetworkSpec, make_bundle: Callable[..., Bundle], images: ImageBatch
) -> None:
    bundle = make_bundle(spec)
    compare(OpenVinoEngine(bundle.network, SIZE), bundle, images, 1e-4)


@needs_bfloat16
def test_bfloat16_is_near(bundle: Bundle, images: ImageBatch) -> None:
    engine = OpenVinoEngine(bundle.network, SIZE, "bfloat16")
    assert engine.precision == "bfloat16"
    compare(engine, bundle, images, 0.1)
    exact = OpenVinoEngine(bundle.network, SIZE)
    assert (engine.run(images).maps != exact.run(images).maps).any()


def test_what_is_no_number_stays_none(bundle: Bundle, images: ImageBatch) -> None:
    with torch.no_grad():
        bundle.network.head.output.weight[0, 0] = torch.nan
    output = OpenVinoEngine(bundle.network, SIZE).run(images)
    assert np.isnan(output.logits[:, 0]).all()
    assert np.isfinite(output.logits[:, 1]).all()


def test_compiled_once_and_damage_is_noticed(
    bundle: Bundle, images: ImageBatch, tmp_path: Path
) -> None:
    cache = CompiledCache(tmp_path / "cache", "a" * 64)
    first = OpenVinoEngine(bundle.network, SIZE, cache=cache).run(images)
    (entry,) = cache.folder.iterdir()
    whole = entry.read_bytes()
    # The second one does not look at the network: what it gives comes from the cache.
    other = TorchEngine(bundle.network, "cpu").network
    with torch.no_grad():
        other.head.output.weight.mul_(2)
    again = OpenVinoEngine(bundle.network, SIZE, cache=cache).run(images)
    np.testing.assert_array_equal(again.logits, first.logits)
    for damaged in (whole[:-7], whole[:100], b"", b"x" + whole[1:],
                    whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):  # fmt: skip
        entry.write_bytes(damaged)
        OpenVinoEngine(bundle.network, SIZE, cache=cache).run(images)
        assert entry.read_bytes() != damaged  # compiled anew, and kept
    # Other weights, another size: another entry.
    OpenVinoEngine(bundle.network, SIZE, cache=CompiledCache(cache.folder, "b" * 64)).run(images)
    OpenVinoEngine(bundle.network, (64, 80), cache=cache).run(np.zeros((9, 64, 80), np.float32))
    assert len(list(cache.folder.iterdir())) == 3
    OpenVinoEngine(bundle.network, SIZE, cache=cache).run(images[:2])  # one by one
    assert len(list(cache.folder.iterdir())) == 4


def test_without_a_place_it_runs_all_the_same(
    bundle: Bundle, images: ImageBatch, tmp_path: Path
) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"")
    engine = OpenVinoEngine(bundle.network, SIZE, cache=CompiledCache(place / "cache", "a" * 64))
    compare(engine, bundle, images, 1e-5)


@pytest.mark.parametrize(
    ("engine", "precision"),
    [
        ("torch", "float32"),
        ("openvino", "float32"),
        ("onnxruntime", "float32"),
        pytest.param("openvino", "bfloat16", marks=needs_bfloat16),
    ],
)
def test_the_choice(engine: EngineName, precision: Precision, bundle: Bundle) -> None:
    assert resolve_engine(engine, precision) == engine
    made = open_engine(bundle.network, SIZE, engine, precision)
    assert (made.name, made.precision) == (engine, precision)


def test_auto_is_fast_on_a_processor() -> None:
    expected = "torch" if torch.cuda.is_available() else "openvino"
    assert resolve_engine("auto", "float32") == expected


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_other_precisions_are_openvinos(engine: EngineName, precision: Precision) -> None:
    with pytest.raises(
        InputError, match=f"{engine} answers in float32 alone.*take engine openvino"
    ):
        resolve_engine(engine, precision)


@pytest.mark.parametrize("is_hidden", [True, False])
def test_nothing_calls_out(tmp_path: Path, is_hidden: bool) -> None:
    """Python tells of every name that is looked up, in all threads and children.

    As a control: where OpenVINO's telemetry is not hidden it does look one up (and is stopped).
    """
    told = tmp_path / "told"
    code = (
        "import os, sys, time\n"
        "def hear(event, _):\n"
        "    if event in ('socket.getaddrinfo', 'socket.connect', 'socket.sendto'):\n"
        f"        open({str(told)!r}, 'a').write(event)\n"
        "        os._exit(7)\n"
        "sys.addaudithook(hear)\n"
        + ("" if is_hidden else "import openvino_telemetry\n")
        + "from cxrlens.inference import OpenVinoEngine\n"
        "from cxrlens.network import NetworkSpec, build_classifier\n"
        "spec = NetworkSpec('compact', {'width': 4}, mean=(0.5,), std=(0.25,))\n"
        "OpenVinoEngine(build_classifier(spec, 2, (64, 64)).eval(), (64, 64))\n"
        "time.sleep(2)\n"
    )
    # Its telemetry is silent in CI, and where a home holds a refusal.
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", code], env=environment, check=is_hidden)
    if not is_hidden and not told.exists():
        pytest.skip("OpenVINO's telemetry is silent here anyhow: its absence proves nothing")
    assert told.exists() != is_hidden


def test_threads_take_turns(bundle: Bundle, images: ImageBatch) -> None:
    engine = OpenVinoEngine(bundle.network, SIZE)
    expected = [engine.run(image[None]).logits for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: engine.run(image[None]).logits, list(images) * 20))
    np.testing.assert_array_equal(np.array(found), np.array(expected * 20))


@pytest.fixture
def three_streams() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_streams")
def test_batches_side_by_side_keep_their_order(bundle: Bundle, images: ImageBatch) -> None:
    """More threads than streams, each with more batches than streams, some of single images."""
    engine = OpenVinoEngine(bundle.network, SIZE)
    many = np.random.default_rng(1).random((68, 64, 64), dtype=np.float32)
    alone = [engine.run(many[start : start + 6]) for start in range(0, 66, 6)]
    alone += [engine.run(many[at : at + 1]) for at in (66, 67)]
    expected = [np.concatenate(column) for column in zip(*alone, strict=True)]
    with ThreadPoolExecutor(5) as pool:
        for found in pool.map(lambda _: engine.run(many), range(30)):
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("three_streams")
def test_a_failure_leaves_nothing_waiting(bundle: Bundle, images: ImageBatch) -> None:
    engine = OpenVinoEngine(bundle.network, SIZE)
    many = np.concatenate([images] * 6)
    expected = engine.run(many)
    for _ in range(4):  # more often than there are streams
        with pytest.raises(RuntimeError):
            engine.run(np.zeros((64, 32, 32), np.float32))
    for one, other in zip(engine.run(many), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_cache_knows_more_than_the_weights(
    make_bundle: Callable[..., Bundle], images: ImageBatch, tmp_path: Path
) -> None:
    """Two models of equal weights, side by side, that normalise pixels otherwise."""
    save_bundle(make_bundle(), tmp_path / "one")
    other = NetworkSpec("compact", {"width": 4}, mean=(0.3,), std=(0.5,))
    save_bundle(make_bundle(other), tmp_path / "other")
    for name in ("one", "other", "one", "other"):
        fast, slow = load(tmp_path / name, engine="openvino"), load(tmp_path / name)
        np.testing.assert_allclose(
            fast.engine.run(images).logits, slow.engine.run(images).logits, rtol=1e-4, atol=1e-5
        )
    # Of each what was compiled, and that it could be built.
    assert len(list((tmp_path / "engine-cache").iterdir())) == 4


def test_what_openvino_refuses_is_compiled_again(
    bundle: Bundle, images: ImageBatch, tmp_path: Path
) -> None:
    cache = CompiledCache(tmp_path / "cache", "a" * 64)
    OpenVinoEngine(bundle.network, SIZE, cache=cache).run(images)
    (entry,) = cache.folder.iterdir()
    nonsense = b"made by another build"
    entry.write_bytes(digest(entry.name.encode() + nonsense).encode() + nonsense)
    compare(OpenVinoEngine(bundle.network, SIZE, cache=cache), bundle, images, 1e-5)
