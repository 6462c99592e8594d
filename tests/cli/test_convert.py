"""Collections are written anew on the command line."""

import json
import shutil
from pathlib import Path

import h5py
import pytest

from cxrlens.data import read_table


def test_convert_writes_what_show_reads(cxrlens, phantom_folder, elsewhere) -> None:
    outcome = cxrlens("convert", phantom_folder, "a", "--to", "hdf5", "--size", "64x80")
    assert outcome.code == 0, outcome.err
    assert "written to a: 72 images, 0 left out" in outcome.out
    assert "Masks cannot be carried over into HDF5" in outcome.err
    with h5py.File("a/data.h5") as file:
        assert file["image"].shape == (72, 64, 80, 1)
    outcome = cxrlens(
        "convert",
        "a",
        "b",
        "--to",
        "folder",
        "--map",
        "covid=COVID",
        "--where",
        'label != "normal"',
    )
    assert outcome.code == 0, outcome.err
    table = read_table("b")
    assert table.counts == {"unsplit": {"COVID": 24, "pneumonia": 24}}
    assert table.is_phantom
    outcome = cxrlens("show", "b")
    assert outcome.code == 0, outcome.err
    assert "48 images of" in outcome.out


def test_refused_images_make_it_partial(cxrlens, phantom_folder, tmp_path, elsewhere) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantom_folder, data)
    for path in sorted((data / "normal").iterdir())[:22]:
        path.write_bytes(b"")
    outcome = cxrlens("convert", data, "out", "--to", "hdf5", "--json")
    assert outcome.code == 3
    told = json.loads(outcome.out)
    assert (told["n_images"], len(told["refusals"])) == (50, 22)
    assert outcome.err.count("refused (empty)") == 20
    assert "refused: 22 in all (empty 22)" in outcome.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "zip"], "hdf5"),
        (["--to", "folder", "--size", "big"], "'big' is not of the form"),
        (["--to", "folder", "--size", "63"], "64 or more"),
        (["--to", "csv", "--size", "64"], "hdf5 or folder only"),
        (["--to", "folder", "--bits", "12"], "8 or 16"),
    ],
)
def test_wrong_use_writes_nothing(options, words, cxrlens, phantom_folder, elsewhere) -> None:
    outcome = cxrlens("convert", phantom_folder, "out", *options)
    assert outcome.code == 2
    assert words in outcome.err
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_is_not_empty_is_left_alone(cxrlens, phantom_folder, elsewhere) -> None:
    Path("out").mkdir()
    Path("out/thesis.txt").write_text("mine")
    outcome = cxrlens("convert", phantom_folder, "out", "--to", "csv")
    assert outcome.code == 2
    assert "not empty" in outcome.err
    assert [path.name for path in elsewhere.rglob("*")] == ["out", "thesis.txt"]


def test_show_without_labels_or_without_images(cxrlens, shared, tmp_path, elsewhere) -> None:
    ignored = shutil.ignore_patterns("*.csv", "*32x32*")
    shutil.copytree(shared / "data" / "dicom", tmp_path / "tree", ignore=ignored)
    outcome = cxrlens("show", tmp_path / "tree", "--out", "a")
    assert "grid: a/grid.png" in outcome.out, outcome.err
    table = tmp_path / "alone" / "labels.csv"
    table.parent.mkdir()
    names = "ABCDEFGH"
    rows = "".join(f"{i}.png,{','.join(str(int(i == j)) for j in range(8))}\n" for i in range(8))
    table.write_text(f"image,{','.join(names)}\n{rows}")
    outcome = cxrlens("show", table, "--out", "b")
    assert outcome.code == 3
    assert "no grid" in outcome.out
    assert "class by part  unsplit" in outcome.out
    assert "refused" not in outcome.err
