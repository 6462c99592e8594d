"""Bundles that are not what they were: rows 43, 44 and 46 of the catalogue of bad inputs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.safetensors", b""),
        ("weights.safetensors", b"<html>404</html>"),
        ("weights.safetensors", b"\xff" * 8 + b"{}"),
        ("bundle.json", b""),
        ("bundle.json", b"<html>404</html>"),
        ("bundle.json", b'{"schema_version": 2}'),
        ("card.md", b"another card"),
    ],
)
def test_a_changed_file_is_refused_by_name(cxrlens, copy, phantom_folder, name, content) -> None:
    (copy / name).write_bytes(content)
    outcome = cxrlens("predict", copy, next((phantom_folder / "normal").iterdir()))
    assert outcome.code == 2
    assert str(copy / name) in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_flipped_bit_and_half_a_file_are_refused(cxrlens, copy, phantom_folder) -> None:
    path = copy / "weights.safetensors"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content in (bytes(flipped), whole[: len(whole) // 2]):
        path.write_bytes(content)
        outcome = cxrlens("predict", copy, next((phantom_folder / "normal").iterdir()))
        assert outcome.code == 2
        assert "SHA-256" in outcome.err


def test_no_bundle_at_all(cxrlens, tmp_path, phantom_folder) -> None:
    outcome = cxrlens("predict", tmp_path, next((phantom_folder / "normal").iterdir()))
    assert outcome.code == 2
    assert "bundle" in outcome.err


def test_other_classes_are_refused_and_both_named(cxrlens, bundle, tmp_path) -> None:
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((80, 80), 40 * number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    outcome = cxrlens("evaluate", bundle, tmp_path / "data")
    assert outcome.code == 2
    assert "NORMAL, PNEUMONIA" in outcome.err
    assert "covid, normal, pneumonia" in outcome.err


def test_a_newer_schema_is_refused(cxrlens, copy, phantom_folder) -> None:
    plain = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps({**plain, "schema_version": 99}))
    outcome = cxrlens("predict", copy, next((phantom_folder / "normal").iterdir()))
    assert outcome.code == 2
    assert "99" in outcome.err
