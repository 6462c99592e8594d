"""`cxrlens export`."""

import json
from pathlib import Path

import onnx


def test_export_and_check(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens("export", bundle, "--check", phantom_folder / "covid", "--json")
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)
    assert facts["file"] == "runs/export/model.onnx"
    assert facts["has_passed"]
    assert [one["runtime"] for one in facts["check"]] == ["onnxruntime", "openvino"]
    assert facts["check"][0]["n_decided_alike"] == 24
    notice = next(
        one.value for one in onnx.load(facts["file"]).metadata_props if one.key == "notice"
    )
    assert "drawn radiographs" in notice


def test_nothing_to_check_with(cxrlens, bundle, tmp_path) -> None:
    outcome = cxrlens("export", bundle, "--check", tmp_path / "here")
    assert outcome.code == 2
    assert "no file found in" in outcome.err
    assert not Path("runs/export").exists()
