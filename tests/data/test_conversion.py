"""What was written is read back as it was.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrlens.data import StudyTable, complete_split, convert_table, make_frame, read_table
from cxrlens.data.table_writer import TABLE_FILE
from cxrlens.imaging import read_mask, read_radiograph
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import Box, CxrlensError, InputError, OutputError, TableError

FACTS = ["label", "patient_id", "split", "view", "source", "sex", "age"]


@pytest.fixture(scope="module")
def table(phantom_folder: Path) -> StudyTable:
    """24 phantoms of 24 patients in three parts, with what folders cannot hold."""
    table = read_table(phantom_folder).take(range(0, 72, 3))
    n = len(table)
    frame = table.frame.assign(
        view=["PA", "AP", "unknown"] * (n // 3),
        source=pd.Series([None, "=cmd|x", "-north", "'t Hart"] * (n // 4), dtype=object),
        sex=pd.Series([None, "F", "M"] * (n // 3), dtype=object),
        age=pd.Series([58.0, 0.5, None] * (n // 3), dtype=object),
    )
    return complete_split(replace(table, frame=frame), seed=3, test=0.3, validation=0.3)


@cache
def draw(number: int) -> np.ndarray:
    return draw_nth(number, seed=1).pixels


def key(table: StudyTable) -> list[str]:
    """What tells an image from all others, however it is stored."""
    names = table.frame.get("name", table.relative_images)
    return [os.path.basename(name) for name in names]  # noqa: PTH119


def compare(one: StudyTable, other: StudyTable) -> list[tuple[str, str]]:
    """Check that two tables say the same; give the images that are the same, in pairs."""
    assert set(one.classes) == set(other.classes)
    position = {name: row for row, name in enumerate(key(one))}
    assert sorted(position) == sorted(key(other))
    order = [position[name] for name in key(other)]
    same = one.take(order)
    for name in FACTS:
        wanted = [None if pd.isna(value) else value for value in same.frame[name]]
        found = [None if pd.isna(value) else value for value in other.frame[name]]
        assert found == wanted, name
    return list(zip(same.images, other.images, strict=True))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("to", ["hdf5", "folder", "csv"])
def test_a_round_trip(to: str, bits: int, table: StudyTable, tmp_path: Path) -> None:
    made = convert_table(table, tmp_path / "out", to=to, bits=bits)
    assert (made.n_images, made.refusals) == (len(table), ())
    again = read_table(tmp_path / "out")
    for old, new in compare(table, again):
        difference = np.abs(read_radiograph(old).pixels - read_radiograph(new).pixels)
        assert difference.max() <= 0.5 / (2**bits - 1) + 1e-6
    assert not list(tmp_path.glob(".*"))  # nothing half-written is left


@pytest.mark.slow
def test_a_round_trip_through_all_forms(table: StudyTable, tmp_path: Path) -> None:
    """hdf5 → csv → folder → hdf5: images inside a file have names too."""
    first = read_table_after(table, tmp_path / "1", "hdf5")
    second = read_table_after(first, tmp_path / "2", "csv")
    third = read_table_after(second, tmp_path / "3", "folder")
    last = read_table_after(third, tmp_path / "4", "hdf5")
    assert all("#image/" in image for image in second.images)
    assert sorted(last.frame["label"]) == sorted(table.frame["label"])
    assert sorted(last.patients) == sorted(table.patients)
    assert last.counts.keys() == table.counts.keys()
    total = sum(read_radiograph(image).pixels.sum(dtype=float) for image in table.images)
    assert sum(read_radiograph(i).pixels.sum(dtype=float) for i in last.images) == pytest.approx(
        total, rel=1e-6
    )


def read_table_after(table: StudyTable, out: Path, to: str) -> StudyTable:
    convert_table(table, out, to=to)
    return read_table(out)


def test_class_folders_are_read_without_their_table_too(table: StudyTable, tmp_path: Path) -> None:
    convert_table(table, tmp_path / "out", to="folder")
    (tmp_path / "out" / TABLE_FILE).unlink()
    again = read_table(tmp_path / "out")
    assert again.counts == table.counts
    assert sorted(again.patients) == sorted(table.patients)  # the phantoms' names hold them
    masks = {Path(i).name: m for i, m in zip(again.images, again.frame["mask"], strict=True)}
    for image, mask in zip(table.images, table.frame["mask"], strict=True):
        found = masks[Path(image).name]
        assert (found is None) == (mask is None)
        if mask is not None:
            np.testing.assert_array_equal(read_mask(found), read_mask(mask))


def test_a_size_scales_images_masks_and_boxes(table: StudyTable, tmp_path: Path) -> None:
    boxes = np.empty(len(table), dtype=object)
    boxes[0] = (Box("covid", 64.0, 32.0, 128.0, 64.0),)
    boxes[1] = ()
    given = replace(table, frame=table.frame.assign(boxes=pd.Series(boxes, dtype=object)))
    convert_table(given, tmp_path / "out", to="folder", size=(128, 512))
    again = read_table(tmp_path / "out")
    (index,) = [i for i, name in enumerate(key(again)) if name == key(given)[0]]
    assert again.frame["boxes"][index] == (Box("covid", 128.0, 16.0, 256.0, 32.0),)
    assert sum(its == () for its in again.frame["boxes"]) == 1
    for old, new in compare(given, again):
        small = Image.fromarray(read_radiograph(old).pixels).resize((512, 128), Image.BILINEAR)
        assert np.abs(read_radiograph(new).pixels - np.asarray(small)).max() <= 0.5 / 255 + 1e-6
    pairs = {name: row for row, name in enumerate(key(again))}
    for name, mask in zip(key(given), given.frame["mask"], strict=True):
        if mask is not None:
            found = read_mask(again.frame["mask"][pairs[name]])
            assert found.shape == (128, 512)
            assert found.mean() == pytest.approx(read_mask(mask).mean(), abs=0.005)


def test_several_labels_an_image(table: StudyTable, tmp_path: Path) -> None:
    states = np.array([1, 0, -1, np.nan], dtype=np.float32)
    columns = {"image": list(table.images[:16])}
    columns["label:Mass"] = states[np.arange(16) % 4].tolist()
    columns['label:=Odd, "name"'] = states[np.arange(16) // 4].tolist()
    given = StudyTable(make_frame(columns), ("Mass", '=Odd, "name"'), table.root)
    for to in ("hdf5", "csv"):
        again = read_table_after(given, tmp_path / to, to)
        assert again.classes == given.classes
        np.testing.assert_array_equal(again.label_matrix, given.label_matrix)
    with pytest.raises(TableError, match="hdf5 or csv"):
        convert_table(given, tmp_path / "folder", to="folder")
    # Rows that all sum to one are no reason to take several for one.
    flags = make_frame({**columns, "label:Mass": [1.0] * 16, 'label:=Odd, "name"': [0.0] * 16})
    again = read_table_after(replace(given, frame=flags), tmp_path / "sums", "hdf5")
    assert again.is_multilabel


def test_missing_labels(table: StudyTable, tmp_path: Path) -> None:
    labels = [None if row < 2 else label for row, label in enumerate(table.frame["label"])]
    frame = table.frame.assign(label=pd.Series(labels, dtype=object))
    given = replace(table, frame=frame)
    for to in ("hdf5", "csv"):
        assert (read_table_after(given, tmp_path / to, to).targets < 0).sum() == 2
    made = convert_table(given, tmp_path / "folder", to="folder")
    assert "Images without a label were left out: 2." in made.notes
    assert len(read_table(tmp_path / "folder")) == len(table) - 2


def test_refused_images_are_listed_and_left_out(phantom_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantom_folder, data)
    for path in (*data.glob("normal/*"), *data.glob("**/pneumonia/*")):
        if not path.name.startswith("phantom0000"):
            path.unlink()
    first = sorted((data / "covid").iterdir())[0]
    first.write_bytes(first.read_bytes()[:3000])
    (data / "masks" / "covid" / first.name).unlink()
    broken = sorted((data / "masks" / "covid").iterdir())[0]
    broken.write_bytes(b"no mask")
    table = read_table(data)
    for to, reasons in (("hdf5", ["truncated"]), ("folder", ["truncated", "bad-mask"])):
        made = convert_table(table, tmp_path / to, to=to)
        assert sorted(one.reason for one in made.refusals) == sorted(reasons)
        assert made.n_images == len(read_table(tmp_path / to)) == len(table) - 1


def test_where_nothing_can_be_read_nothing_is_written(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "data" / name / f"{i}.png").write_bytes(b"")
    for to in ("hdf5", "folder"):
        with pytest.raises(TableError, match=r"none of 6 images could be read .empty 6."):
            convert_table(read_table(tmp_path / "data"), tmp_path / "out", to=to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_names_become_safe_and_stay_apart(tmp_path: Path) -> None:
    names = ["=1.png", "a:b.png", "a?b.png", "A_B.png", "x" * 200 + ".png", "x" * 199 + "y.png",
             "a.png.png", "new\nline.png", os.fsdecode(b"\xff.png")]  # fmt: skip
    for label in ("a", "ü b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number, name in enumerate(names):
            pixels = draw(number)
            Image.fromarray(pixels).save(tmp_path / "data" / label / name)
    table = read_table(tmp_path / "data")
    made = convert_table(table, tmp_path / "out", to="folder")
    assert (made.n_images, made.refusals) == (18, ())
    stems = [path.stem for path in (tmp_path / "out" / "a").iterdir()]
    assert len(stems) == len({stem.casefold() for stem in stems}) == 9
    for stem in stems:
        assert len(stem.encode()) <= 103
        assert not set(stem) & set(':?\n"')
        assert stem[0] not in "=-+@."
    wanted = sorted(read_radiograph(image).pixels.tobytes() for image in table.images)
    found = read_table(tmp_path / "out").images
    assert sorted(read_radiograph(image).pixels.tobytes() for image in found) == wanted


def test_names_in_a_csv(phantom_folder: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(phantom_folder / "covid", tmp_path / "in" / "covid")
    shutil.copytree(phantom_folder / "normal", tmp_path / "in" / "normal")
    first, second = sorted((tmp_path / "in" / "normal").iterdir())[:2]
    first.rename(first.parent / '=cmd "x",\r\ny.png')
    second.rename(second.parent / os.fsdecode(b"\xff.png"))
    monkeypatch.chdir(tmp_path / "in")
    made = convert_table(read_table("."), "../out", to="csv")
    assert [one.reason for one in made.refusals] == ["bad-name"]
    data = (tmp_path / "out" / TABLE_FILE).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(data.decode().splitlines(keepends=True)))
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    monkeypatch.chdir(tmp_path)
    again = read_table("out")
    assert len(again) == made.n_images == 47
    assert all(Path(image).is_file() for image in again.images)
    # Both folders move together.
    (tmp_path / "moved").mkdir()
    for name in ("in", "out"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    assert all(Path(image).is_file() for image in read_table("moved/out").images)


@pytest.mark.parametrize("name", ["test", "masks", "a/b", "..", ".a", "a:", "a ", "x" * 201, "A"])
def test_classes_that_cannot_name_a_folder(name: str, table: StudyTable, tmp_path: Path) -> None:
    frame = make_frame({"image": list(table.images[:2]), "label": ["a", name]})
    with pytest.raises(TableError, match="--map"):
        convert_table(StudyTable(frame, ("a", name), table.root), tmp_path / "o", to="folder")
    assert not list(tmp_path.iterdir())


def test_hdf5_needs_one_size(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for i in range(3):
            picture = Image.fromarray(draw(i))
            (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
            picture.resize((200 + i, 220)).save(tmp_path / "data" / label / f"{i}.png")
    table = read_table(tmp_path / "data")
    with pytest.raises(TableError, match=r"220 x 200 .* 220 x 201.*--size"):
        convert_table(table, tmp_path / "out")
    made = convert_table(table, tmp_path / "out", size=(64, 96), bits=16)
    with h5py.File(tmp_path / "out" / "data.h5") as file:
        assert (file["image"].shape, file["image"].dtype) == ((6, 64, 96, 1), np.uint16)
        assert file["image"].chunks == (1, 64, 96, 1)
        assert list(file["label"].attrs["class_names"]) == ["a", "b"]
        assert file["label"][:].tolist() == [0, 0, 0, 1, 1, 1]
        assert file["name"].asstr()[0] == "a/0.png"
    assert made.n_images == 6


def test_nothing_is_overwritten(table: StudyTable, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(OutputError, match="nothing is ever overwritten"):
            convert_table(table, tmp_path / name, to="csv")
    (tmp_path / "empty").mkdir()
    assert convert_table(table, tmp_path / "empty", to="csv").n_images == len(table)
    with pytest.raises(OutputError, match="not empty"):
        convert_table(table, tmp_path / "empty", to="csv")
    with pytest.raises(OutputError, match="cannot write"):
        convert_table(table, tmp_path / "file" / "below", to="csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]


@pytest.mark.parametrize(
    "words", [{"to": "zip"}, {"bits": 12}, {"size": (5, 5)}, {"to": "csv", "size": (64, 64)}]
)
def test_what_is_asked_for_is_checked_first(words, table: StudyTable, tmp_path: Path) -> None:
    with pytest.raises(CxrlensError) as caught:
        convert_table(table, tmp_path / "out", **words)
    assert isinstance(caught.value, InputError)
    assert not list(tmp_path.iterdir())


def test_a_dark_image_keeps_its_brightness(tmp_path: Path) -> None:
    """16-bit numbers below a quarter of white would be read as fewer bits."""
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(3):
            dark = draw(i) // 6
            Image.fromarray(dark).save(tmp_path / "data" / label / f"{i}.png")
    table = read_table(tmp_path / "data")
    again = read_table_after_16(table, tmp_path / "out")
    for old, new in zip(table.images, again.images, strict=True):
        assert np.abs(read_radiograph(old).pixels - read_radiograph(new).pixels).max() < 1e-6


def read_table_after_16(table: StudyTable, out: Path) -> StudyTable:
    convert_table(table, out, to="folder", bits=16)
    return read_table(out)


@pytest.mark.parametrize("name", ["NA", "a|b", " x"])
def test_classes_that_a_table_would_not_give_back(
    name: str, table: StudyTable, tmp_path: Path
) -> None:
    frame = table.frame.assign(label=table.frame["label"].replace("covid", name))
    changed = replace(table, frame=frame, classes=(name, "normal", "pneumonia"))
    with pytest.raises(TableError, match="--map"):
        convert_table(changed, tmp_path / "out", to="csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["hdf5", "folder", "csv"])
def test_a_full_disk(to: str, table: StudyTable, tmp_path: Path) -> None:
    """In a process of its own: HDF5 brings it down where a file cannot be closed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk], capture_output=True, check=False
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cxrlens.cli", "convert", table.root, disk / "out", "--to", to],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)
    assert done.returncode == 2, done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert not left
