"""`cxrlens quantise`."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from cxrlens.phantom import draw_nth


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Phantoms of two classes; the AUROC of so small a model hangs on its last digits."""
    monkeypatch.setattr("cxrlens.inference.quantised_folder.MAX_AUROC_GAP", 1.0)
    for number in range(110):
        phantom = draw_nth(number, seed=78, findings=("pneumonia", "covid"))
        place = tmp_path / "data" / phantom.label
        place.mkdir(exist_ok=True, parents=True)
        Image.fromarray(phantom.pixels).save(place / f"{number:03d}.png")
    return tmp_path / "data"


def test_made_and_used(cxrlens, bundle, data, tmp_path) -> None:
    # What is put beside the bundle is not to be found by other tests.
    bundle = shutil.copytree(bundle, tmp_path / "run" / "bundle")
    outcome = cxrlens("predict", bundle, data / "covid" / "000.png", "--precision", "int8")
    assert outcome.code == 2
    assert "make it by `cxrlens quantise BUNDLE DATA`" in outcome.err
    outcome = cxrlens("quantise", bundle, data, "--sample", 8, "--json")
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)["int8"]
    assert (facts["n_sample"], facts["check"]["n_images"]) == (8, 102)
    outcome = cxrlens("predict", bundle, data / "covid", "--precision", "int8")
    assert outcome.code == 0, outcome.err
    assert "engine: openvino, int8" in outcome.err
    outcome = cxrlens("export", bundle, "--check", data / "covid", "--json")
    assert outcome.code == 0, outcome.err
    *_, openvino, double = json.loads(outcome.out)["check"]
    assert (double["runtime"], double["n_images"]) == ("int8", openvino["n_images"])
    assert double["probability_gap"] > 3 * openvino["probability_gap"]
    network = tmp_path / "run" / "bundle-int8" / "model.bin"
    network.write_bytes(network.read_bytes()[:-1])
    outcome = cxrlens("export", bundle, "--check", data / "covid", "--out", "damaged", "--json")
    assert outcome.code == 0, outcome.err
    assert len(json.loads(outcome.out)["check"]) == 2
    assert "without int8" in outcome.err
    (data / "covid" / "999.png").write_bytes(b"no image")
    outcome = cxrlens("quantise", bundle, data, "--sample", 8)
    assert outcome.code == 3
    assert " of 102\n" in outcome.out
    assert "999.png" in outcome.err


def test_too_few(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens("quantise", bundle, phantom_folder)
    assert outcome.code == 2
    assert "0 images are left to check on, fewer than 100" in outcome.err
