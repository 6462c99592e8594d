"""`cxrlens benchmark`."""

import json
from pathlib import Path


def test_a_bundle_on_own_images(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens(
        "benchmark", bundle, "--images", phantom_folder / "covid", "--precision", "float32",
        "--files", 2, "--repeats", 3, "--megapixels", 0.2, "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)["report"]
    assert report["images"] == "2 grey JPEG files of 0.2 megapixels, enlarged from 24 images"
    assert [one["network"] for one in report["speeds"]] == ["compact"]
    names = {path.name for path in Path("runs/benchmark").iterdir()}
    assert {"speed.json", "speed.md", "speed.png"} <= names


def test_a_table(cxrlens, bundle) -> None:
    outcome = cxrlens(
        "benchmark", bundle, "--precision", "int8", "--files", 2, "--repeats", 3,
        "--megapixels", 0.1,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "share of the limit" in outcome.out
    assert "phantoms; 3 turns" in outcome.out


def test_what_is_refused(cxrlens, bundle, tmp_path) -> None:
    outcome = cxrlens("benchmark", bundle, "--network", "resnet18")
    assert (outcome.code, "not both" in outcome.err) == (2, True)
    (tmp_path / "empty").mkdir()
    outcome = cxrlens("benchmark", "--images", tmp_path / "empty")
    assert (outcome.code, "no file found" in outcome.err) == (2, True)
