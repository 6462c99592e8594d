"""Whole numbers of 8 bits answer nearly alike, and what is kept of them is checked.

SPDX-License-Identifier: Apache-2.0
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.inference import (
    Bundle,
    EngineOutput,
    OpenVinoEngine,
    QuantisationCheck,
    QuantisedNetwork,
    QuantisedRecord,
    TorchEngine,
    keep_quantised,
    load_quantised,
    quantise_network,
)
from cxrlens.inference.engine import ImageBatch
from cxrlens.vocabulary import BundleError, InputError, OutputError

SIZE = (64, 64)
CHECK = QuantisationCheck(200, 199, (0.001, 0.01, 0.02), 0.99, 0.001)


@pytest.fixture(scope="module")
def images() -> ImageBatch:
    return np.random.default_rng(0).random((20, 64, 64), dtype=np.float32)


@pytest.fixture(scope="module")
def quantised(make_bundle: Callable[..., Bundle], images: ImageBatch) -> QuantisedNetwork:
    return quantise_network(make_bundle().network, SIZE, images[:8])


def test_it_is_near_and_whole_numbers(
    bundle: Bundle, images: ImageBatch, quantised: QuantisedNetwork,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    quantise_network(bundle.network, SIZE, images[:2])
    assert capfd.readouterr().out == ""  # there only results belong
    reference = TorchEngine(bundle.network, "cpu").run(images)
    engine = OpenVinoEngine(bundle.network, SIZE, "int8", quantised=quantised)
    assert engine.precision == "int8"
    found = engine.run(images)
    for one, other in zip(found, reference, strict=True):
        assert one.shape == other.shape
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95
    assert (found.logits != reference.logits).any()
    names = {node.get_type_name() for node in quantised.open().get_ops()}
    assert "FakeQuantize" in names
    types = {str(node.get_element_type()) for node in quantised.open().get_ops()
             if node.get_type_name() == "Constant"}  # fmt: skip
    assert "<Type: 'int8_t'>" in types


def test_the_precision_needs_its_network(bundle: Bundle, quantised: QuantisedNetwork) -> None:
    with pytest.raises(ValueError, match="int8"):
        OpenVinoEngine(bundle.network, SIZE, "int8")
    with pytest.raises(ValueError, match="float32"):
        OpenVinoEngine(bundle.network, SIZE, quantised=quantised)


def test_kept_and_loaded(quantised: QuantisedNetwork, tmp_path: Path) -> None:
    folder = tmp_path / "int8"
    record = QuantisedRecord("b" * 64, quantised.digests, 8, CHECK, "2026.4", EngineOutput._fields)
    for _ in range(2):  # the second replaces the first
        keep_quantised(quantised, record, folder)
        assert load_quantised(folder, "b" * 64) == quantised
        assert sorted(path.name for path in folder.iterdir()) == [
            "int8.json", "model.bin", "model.xml"
        ]  # fmt: skip
        assert list(tmp_path.iterdir()) == [folder]
        assert folder.stat().st_mode & 0o777 == 0o755
    with pytest.raises(BundleError, match="was made from bundle bbbbbbbbbbbb…, this one is cc"):
        load_quantised(folder, "c" * 64)


def test_damage_is_noticed(quantised: QuantisedNetwork, tmp_path: Path) -> None:
    folder = tmp_path / "int8"
    with pytest.raises(InputError, match="cxrlens quantise BUNDLE DATA"):
        load_quantised(folder, "b" * 64)
    record = QuantisedRecord("b" * 64, quantised.digests, 8, CHECK, "2026.4", EngineOutput._fields)
    keep_quantised(quantised, record, folder)
    for name in ("model.bin", "model.xml", "int8.json"):
        whole = (folder / name).read_bytes()
        for damaged in (whole[:-9], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]):
            (folder / name).write_bytes(damaged)
            with pytest.raises(BundleError, match="quantise again"):
                load_quantised(folder, "b" * 64)
        (folder / name).write_bytes(whole)
    (folder / "int8.json").rename(folder / "other.json")
    (folder / "int8.json").mkdir()
    with pytest.raises(BundleError, match="cannot be read: Is a directory"):
        load_quantised(folder, "b" * 64)
    (folder / "int8.json").rmdir()
    (folder / "other.json").rename(folder / "int8.json")
    (folder / "model.bin").unlink()
    with pytest.raises(BundleError, match="No such file"):
        load_quantised(folder, "b" * 64)


def test_one_without_features_is_refused(quantised: QuantisedNetwork, tmp_path: Path) -> None:
    """As earlier versions made them: their record does not say what they give."""
    record = QuantisedRecord("b" * 64, quantised.digests, 8, CHECK, "2026.4")
    keep_quantised(quantised, record, tmp_path / "int8")
    with pytest.raises(BundleError, match="logits and maps and no features"):
        load_quantised(tmp_path / "int8", "b" * 64)


def test_no_place(quantised: QuantisedNetwork, tmp_path: Path) -> None:
    record = QuantisedRecord("b" * 64, quantised.digests, 8, CHECK, "2026.4", EngineOutput._fields)
    with pytest.raises(OutputError, match="cannot write"):
        keep_quantised(quantised, record, tmp_path / "missing" / "int8")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"n_alike": 198}, "198 of 200 decisions are the same, fewer than 99.5%"),
        ({"auroc_gap": 0.0021}, "an AUROC changes by 0.0021, more than 0.002"),
        ({"auroc_gap": float("nan")}, "an AUROC changes by nan"),
        ({"auroc_gap": None}, None),
    ],
)
def test_what_passes(change: dict[str, float], fault: str | None) -> None:
    found = replace(CHECK, **change).fault
    assert found is None if fault is None else fault in str(found)


@pytest.mark.slow
def test_nothing_calls_out(tmp_path: Path) -> None:
    """NNCF tells Google Analytics of each quantisation, unless it runs within pytest or CI."""
    code = (
        "import os, sys, time\n"
        "def hear(event, _):\n"
        "    if event in ('socket.getaddrinfo', 'socket.connect', 'socket.sendto'):\n"
        "        os._exit(7)\n"
        "sys.addaudithook(hear)\n"
        "import numpy as np\n"
        "from cxrlens.inference import quantise_network\n"
        "from cxrlens.network import NetworkSpec, build_classifier\n"
        "spec = NetworkSpec('compact', {'width': 4}, mean=(0.5,), std=(0.25,))\n"
        "network = build_classifier(spec, 2, (64, 64)).eval()\n"
        "quantise_network(network, (64, 64), np.random.rand(2, 64, 64).astype('float32'))\n"
        "assert 'openvino_telemetry' not in sys.modules\n"
        "time.sleep(1)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
