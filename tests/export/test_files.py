"""An exported file answers as the model does, in two runtimes that know nothing of ours.

SPDX-License-Identifier: Apache-2.0
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.export.conftest import Exported

from cxrlens.export import INPUT, OUTPUTS, export_bundle, make_onnx, open_exported
from cxrlens.imaging import Preprocessing
from cxrlens.inference import Bundle, TorchEngine, openvino
from cxrlens.network import NetworkSpec
from cxrlens.vocabulary import NOT_A_DEVICE, InputError

SPECS = [
    NetworkSpec("resnet18", hidden=(8, 6)),
    NetworkSpec("convnext_atto"),
    NetworkSpec("densenet121", {"growth_rate": 4, "block_config": (2, 2)}),
    NetworkSpec("vit_tiny_patch16_224"),
]


def check(bundle: Bundle, run: Callable[[np.ndarray], list[np.ndarray]]) -> None:
    """Compare with the reference path: Pillow's resampling, then the network in PyTorch."""
    engine, step = TorchEngine(bundle.network, "cpu"), bundle.record.preprocessing
    for n, rows, cols in ((1, 90, 130), (3, 64, 48), (2, 33, 41)):
        grey = np.random.default_rng(n).random((n, rows, cols), dtype=np.float32)
        ours = engine.run(np.stack([step.apply(one) for one in grey]))
        answer = dict(zip(OUTPUTS, run(grey), strict=True))
        np.testing.assert_allclose(answer["logits"], ours.logits, atol=1e-4, rtol=1e-4)
        largest = np.abs(ours.maps).max()
        np.testing.assert_allclose(answer["maps"] / largest, ours.maps / largest, atol=1e-4)
        assert (answer["decisions"].sum(axis=1) == 1).all()


def test_one_file_for_every_size_and_batch(exported: Exported) -> None:
    data = exported.path.read_bytes()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    check(exported.bundle, lambda grey: session.run(list(OUTPUTS), {INPUT: grey}))
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(openvino.Core().read_model(data), "CPU", precise)
    check(exported.bundle, lambda grey: [compiled({INPUT: grey})[name] for name in OUTPUTS])


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.backbone)
def test_every_family(spec: NetworkSpec, make_bundle: Callable[..., Bundle]) -> None:
    side = 224 if spec.backbone.startswith("vit") else 64
    bundle = make_bundle(spec, step=Preprocessing(side, side))
    data = make_onnx(bundle).SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    check(bundle, lambda grey: session.run(list(OUTPUTS), {INPUT: grey}))


def test_both_formats_say_what_they_are(exported: Exported, tmp_path: Path) -> None:
    facts = {one.key: one.value for one in onnx.load(exported.path).metadata_props}
    assert facts["notice"] == NOT_A_DEVICE
    assert json.loads(facts["classes"]) == ["a", "b", "c"]
    assert facts["bundle"] == exported.bundle.record.digest
    assert json.loads(facts["calibration"])["scaling"]["scales"] == [0.5, 0.5, 0.5]
    assert json.loads(facts["preprocessing"])["fit"] == "crop"
    assert json.loads(facts["operating_point"])["rule"] == "argmax"
    grey = np.random.default_rng(0).random((80, 70), dtype=np.float32)
    first = open_exported(exported.path, "onnxruntime")(grey)
    expected = exported.scaling.apply(first["logits"].astype(np.float64))
    np.testing.assert_allclose(first["probabilities"], expected, atol=1e-6)

    path = export_bundle(exported.bundle, tmp_path, "openvino")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    model = openvino.Core().read_model(path)
    assert model.get_rt_info(["cxrlens", "notice"]).astype(str) == NOT_A_DEVICE
    second = open_exported(path, "openvino")(grey)
    for name in OUTPUTS:
        np.testing.assert_allclose(second[name], first[name], atol=1e-3)


def test_what_no_graph_can_do_is_refused(make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle(step=Preprocessing(64, 64, remove_text=True))
    with pytest.raises(InputError, match="remove_text=true cannot be exported"):
        make_onnx(bundle)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_damaged_file_is_refused(runtime: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"cannot open '.*model\.onnx': .*; export it again"):
        open_exported(path, runtime)  # type: ignore[arg-type]
