"""`cxrlens audit`: what it says, what it writes, and how it exits."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def leaky_folder(phantom_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train and test parts that share two pictures, one of them with another label."""
    root = tmp_path_factory.mktemp("leaky") / "data"
    for label in ("covid", "normal"):
        images = sorted((phantom_folder / label).glob("*.png"))
        for part, chosen in (("train", images[:12]), ("test", images[12:])):
            for image in chosen:
                (root / part / label).mkdir(parents=True, exist_ok=True)
                shutil.copy(image, root / part / label / image.name)
    source = sorted((root / "train" / "covid").glob("*.png"))
    shutil.copy(source[0], root / "test" / "covid" / "again.png")
    shutil.copy(source[1], root / "test" / "normal" / "other.png")
    return root


def test_a_leak_exits_4_and_names_its_remedy(
    cxrlens: Callable[..., Any], leaky_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = cxrlens("audit", leaky_folder, "--out", out, "--resplit", tmp_path / "new", "--json")
    assert done.code == 4
    facts = json.loads(done.out)
    failed = {gate["name"] for gate in facts["gates"] if gate["is_passed"] is False}
    assert failed >= {"repeats on both sides", "labels of repeats"}
    assert all(gate["remedy"] for gate in facts["gates"] if gate["is_passed"] is False)
    assert {"audit.html", "audit.json"} <= {path.name for path in out.iterdir()}
    assert (tmp_path / "new" / "table.csv").exists()
    assert "<img" in (out / "audit.html").read_text()


def test_no_images_leaves_pictures_out_and_the_table_is_for_people(
    cxrlens: Callable[..., Any], leaky_folder: Path, tmp_path: Path
) -> None:
    done = cxrlens("audit", leaky_folder, "--out", tmp_path / "out", "--no-images")
    assert done.code == 4
    assert "NOT PASSED" in done.out
    assert "remedy for repeats on both sides" in done.out
    assert "<img" not in (tmp_path / "out" / "audit.html").read_text()


@pytest.mark.slow
def test_a_model_is_judged_beside_the_controls(
    cxrlens: Callable[..., Any], phantom_folder: Path, bundle: Path, tmp_path: Path
) -> None:
    """It was trained on most of these images: they are counted, and left out of its figures."""
    done = cxrlens("audit", phantom_folder, "--bundle", bundle, "--out", tmp_path / "o", "--json")
    facts = json.loads(done.out)
    names = [gate["name"] for gate in facts["gates"]]
    assert "tested on pretraining data" in names
    assert "backbone" in facts["features"]
    seen = len((bundle / "training-files.txt").read_text().split())
    if facts["model"] is None:
        assert any(f"{72 - seen} of 72 images are new to it" in line for line in facts["untested"])
    else:
        assert facts["model"]["n_images"] == 72 - seen
        assert facts["model"]["n_seen_in_test"] == seen


def test_an_unknown_collection_is_refused_before_anything_is_read(
    cxrlens: Callable[..., Any], phantom_folder: Path
) -> None:
    done = cxrlens("audit", phantom_folder, "--collection", "kermani")
    assert done.code == 2
    assert "did you mean 'kermany'" in done.err


def test_a_single_class_is_refused_with_its_count(
    cxrlens: Callable[..., Any], phantom_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(phantom_folder / "covid", tmp_path / "data" / "covid")
    done = cxrlens("audit", tmp_path / "data")
    assert done.code == 2
    assert "two or more class folders" in done.err


def test_a_row_that_contradicts_another_is_named_by_line(
    cxrlens: Callable[..., Any], phantom_folder: Path, tmp_path: Path
) -> None:
    image = next((phantom_folder / "covid").glob("*.png"))
    table = tmp_path / "labels.csv"
    table.write_text(f"image,label\n{image},covid\n{image},normal\n")
    done = cxrlens("audit", table)
    assert done.code == 2
    assert "2 and 3" in done.err
