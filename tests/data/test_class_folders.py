"""Folders as people have them.

SPDX-License-Identifier: Apache-2.0
"""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.data import COLUMNS, StudyTable, TableOptions, read_table
from cxrlens.imaging import read_head
from cxrlens.vocabulary import TableError


def fill(folder: Path, n: int, prefix: str = "x") -> Path:
    """Put `n` images into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.new("L", (64, 64), i % 256).save(folder / f"{prefix}{i:03d}.png")
    return folder


def labels(table: StudyTable) -> dict[str, int]:
    return {name: list(table.frame["label"]).count(name) for name in table.classes}


def test_a_flat_folder(tmp_path: Path) -> None:
    fill(tmp_path / "b", 4, "person7_virus_")
    fill(tmp_path / "a", 3)
    table = read_table(tmp_path)
    assert (table.classes, table.class_to_idx) == (("a", "b"), {"a": 0, "b": 1})
    assert list(table.frame.columns) == list(COLUMNS)
    assert set(table.frame.dtypes) == {np.dtype(object)}
    assert list(table.frame.index) == list(range(7))
    assert table.targets.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert table.patients == (None, None, None, *["person7"] * 4)
    assert set(table.frame["view"]) == {"unknown"}
    assert all(value is None for name in ("source", "split", "mask") for value in table.frame[name])
    assert table.counts == {"unsplit": {"a": 3, "b": 4}}
    assert table.relative_images[0] == "a/x000.png"
    assert (table.notes, table.refusals) == ((), ())
    assert all(read_head(image).startswith(b"\x89PNG") for image in table.images)


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("TRAIN", "valid", "Test"), ("training", "Validation", "testing")],
)
def test_parts_of_a_split(names: tuple[str, str, str], tmp_path: Path) -> None:
    for part, n in zip(names, (3, 1, 2), strict=True):
        fill(tmp_path / part / "N", n)
        fill(tmp_path / part / "P", n + 1)
    table = read_table(str(tmp_path))
    assert table.counts == {
        "train": {"N": 3, "P": 4}, "val": {"N": 1, "P": 2}, "test": {"N": 2, "P": 3},
    }  # fmt: skip
    assert list(table.frame["split"]) == ["train"] * 7 + ["val"] * 3 + ["test"] * 5


def test_only_some_parts(tmp_path: Path) -> None:
    for parts in (["test"], ["train", "test"]):  # the first is for judging, not for training
        for name in "NP":
            fill(tmp_path / parts[0] / name, 1)
        assert list(read_table(tmp_path).counts) == parts


def test_paths_work_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "data" / "a", 3)
    fill(tmp_path / "data" / "b", 3)
    monkeypatch.chdir(tmp_path)
    for root in ("data", "./data/", "data/../data"):
        table = read_table(root)
        assert all(Path(image).is_file() for image in table.images)
        assert table.relative_images[0] == "a/x000.png"
    monkeypatch.chdir(tmp_path / "data")
    assert read_table(".").relative_images[0] == "a/x000.png"


def test_junk_is_passed_over_in_silence(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fill(tmp_path / name, 3)
        for junk in (".DS_Store", "Thumbs.db", "._x000.png", "desktop.ini"):
            (tmp_path / name / junk).write_bytes(b"junk")
    fill(tmp_path / "__MACOSX" / "a", 1)
    fill(tmp_path / ".git", 1)
    (tmp_path / ".DS_Store").write_bytes(b"junk")
    (tmp_path / "README.md").write_text("About these data")
    table = read_table(tmp_path)
    assert (labels(table), table.notes, table.refusals) == ({"a": 3, "b": 3}, (), ())


def test_other_files_and_nested_folders_are_counted_in_notes(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3)
    fill(tmp_path / "b" / "deeper", 2)
    (tmp_path / "a" / "notes.txt").write_text("hello")
    (tmp_path / "b" / "table.csv").write_text("a,b")
    table = read_table(tmp_path)
    assert labels(table) == {"a": 3, "b": 3}
    assert table.notes == (
        "Files that are no images were left out: 2 (the first: 'notes.txt').",
        "Folders inside class folders were not read: 1 (the first: 'deeper').",
    )


def test_images_are_known_by_suffix_or_content(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3)
    (tmp_path / "a" / "x000.png").rename(tmp_path / "a" / "no-suffix")
    (tmp_path / "a" / "x001.png").rename(tmp_path / "a" / "X001.JPEG")
    (tmp_path / "a" / "scan").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "a" / "empty.png").touch()
    names = [Path(image).name for image in read_table(tmp_path).images]
    assert names[:5] == ["X001.JPEG", "empty.png", "no-suffix", "scan", "x002.png"]


def test_the_nested_folder_of_the_kaggle_zip(tmp_path: Path) -> None:
    inner = tmp_path / "archive" / "chest_xray"
    for part in ("train", "val", "test"):
        fill(inner / part / "NORMAL", 2)
        fill(inner / part / "PNEUMONIA", 2)
        fill(inner / "chest_xray" / part / "NORMAL", 2)
        fill(inner / "chest_xray" / part / "PNEUMONIA", 2)
    fill(inner / "__MACOSX" / "x", 1)
    for root, steps in ((inner, 0), (tmp_path / "archive", 1), (tmp_path, 2)):
        table = read_table(root)
        assert len(table) == 12
        assert Path(table.root) == inner
        assert len(table.notes) == steps + 1
        assert table.notes[-1].endswith("were not read: chest_xray.")


def test_masks_are_found_and_are_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3)
    (tmp_path / "b" / "x001.png").rename(tmp_path / "b" / "x001.jpg")
    fill(tmp_path / "masks" / "b", 4)
    table = read_table(tmp_path)
    assert table.classes == ("a", "b")
    masks = {
        image: None if mask is None else os.path.relpath(mask, tmp_path)
        for image, mask in zip(table.relative_images, table.frame["mask"], strict=True)
    }
    assert masks == {
        "a/x000.png": None,
        "a/x001.png": None,
        "a/x002.png": None,
        "b/x000.png": "masks/b/x000.png",
        "b/x001.jpg": "masks/b/x001.png",
        "b/x002.png": "masks/b/x002.png",
    }
    assert table.notes == (
        "Masks were found for 3 of 6 images.", "Masks that belong to no image were left out: 1.",
    )  # fmt: skip


@pytest.mark.parametrize("place", ["masks/train", "train/masks"])
def test_masks_of_a_split(place: str, tmp_path: Path) -> None:
    for part in ("train", "test"):
        fill(tmp_path / part / "a", 1)
        fill(tmp_path / part / "b", 1)
    fill(tmp_path / place / "b", 1)
    table = read_table(tmp_path)
    assert table.classes == ("a", "b")
    found = [None if mask is None else Path(mask) for mask in table.frame["mask"]]
    assert found == [None, tmp_path / place / "b" / "x000.png", None, None]


def test_images_and_lung_masks_inside_the_classes(tmp_path: Path) -> None:
    """The COVID-19 Radiography Database: its masks outline lungs and are no masks of findings."""
    for name in ("COVID", "Normal"):
        fill(tmp_path / name / "images", 3, f"{name}-")
        fill(tmp_path / name / "masks", 3, f"{name}-")
        (tmp_path / f"{name}.metadata.xlsx").write_bytes(b"PK")
    table = read_table(tmp_path)
    assert labels(table) == {"COVID": 3, "Normal": 3}
    assert table.relative_images[0] == "COVID/images/COVID-000.png"
    assert all(mask is None for mask in table.frame["mask"])
    (note,) = table.notes
    assert "`masks` inside COVID, Normal were not read" in note
    # Masks of findings stand beside the classes, by the class's name.
    fill(tmp_path / "masks" / "COVID", 2, "COVID-")
    table = read_table(tmp_path)
    assert sum(mask is not None for mask in table.frame["mask"]) == 2
    # A class folder that holds other things too is no such class.
    fill(tmp_path / "Normal", 3)
    assert labels(read_table(tmp_path)) == {"COVID": 3, "Normal": 3}
    assert read_table(tmp_path).relative_images[3] == "Normal/x000.png"


def test_what_is_no_file_is_listed_and_never_waited_for(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "a" / "dangling.png").symlink_to("nowhere")
    (tmp_path / "a" / "loop").symlink_to("loop")
    (tmp_path / "a" / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a" / "linked.png").symlink_to("x000.png")
    table = read_table(tmp_path)
    assert labels(table) == {"a": 4, "b": 3}
    names = [Path(refusal.image).name for refusal in table.refusals]
    assert names == ["dangling.png", "loop", "pipe.png", "zero.png"]
    assert {refusal.reason for refusal in table.refusals} == {"not-a-file"}
    assert "Left out as not-a-file: 4." in table.notes


NAMES = [
    "-rf.png", "=cmd.png", "new\nline.png", "q'u\"o.png", "sp ace.png", "ünï-胸片.png",
    os.fsdecode(b"latin-\xfc.png"), "n" * 251 + ".png",
]  # fmt: skip


def test_any_name_works_in_the_order_of_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for label in ("-a", "b ü"):
        fill(tmp_path / label, 1, "m")
        for name in NAMES:
            (tmp_path / label / "m000.png").rename(tmp_path / label / name)
            fill(tmp_path / label, 1, "m")
    table = read_table(".")
    assert table.classes == ("-a", "b ü")
    names = [os.path.basename(image) for image in table.images[:9]]  # noqa: PTH119
    assert names == sorted([*NAMES, "m000.png"], key=os.fsencode)
    assert all(read_head(image).startswith(b"\x89PNG") for image in table.images)


def test_a_class_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / os.fsdecode(b"b\xff"), 3)
    assert "rename it" in refuse(tmp_path)


def refuse(root: Path) -> str:
    with pytest.raises(TableError) as caught:
        read_table(root)
    str(caught.value).encode("utf-8")
    return str(caught.value)


def test_no_folder_and_no_classes_are_refused(tmp_path: Path) -> None:
    assert "nowhere" in refuse(tmp_path / "nowhere")
    file = fill(tmp_path / "only", 2) / "x000.png"
    assert "no table of labels but PNG" in refuse(file)
    assert "got 1 (only 2)" in refuse(tmp_path)
    assert "got 0 (none)" in refuse(tmp_path / "only")
    assert "null" in refuse(Path(str(tmp_path) + "\0"))
    (tmp_path / "loop").symlink_to("loop")
    assert "loop" in refuse(tmp_path / "loop")


def test_empty_and_tiny_classes_are_refused_with_counts(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 0)
    assert "a 3, b 0" in refuse(tmp_path)
    fill(tmp_path / "b", 2)
    assert "needs 3 or more images; got a 3, b 2" in refuse(tmp_path)
    fill(tmp_path / "b", 3)
    assert len(read_table(tmp_path)) == 6


def test_parts_that_differ_in_classes_are_refused_with_both(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "N", 5)
    fill(tmp_path / "train" / "P", 6)
    fill(tmp_path / "val" / "N", 2)
    assert "train: N 5, P 6; val: N 2" in refuse(tmp_path)
    fill(tmp_path / "val" / "pneumonia", 2)
    assert "train: N 5, P 6; val: N 2, pneumonia 2" in refuse(tmp_path)


def test_a_class_only_in_test_or_missing_there_is_refused(tmp_path: Path) -> None:
    for part, names in {"train": "NP", "val": "NP", "test": "NPC"}.items():
        for name in names:
            fill(tmp_path / part / name, 2)
    assert "test: C 2, N 2, P 2" in refuse(tmp_path)
    for part in ("train", "val"):
        fill(tmp_path / part / "C", 0)
    assert "train: C 0, N 2, P 2" in refuse(tmp_path)
    fill(tmp_path / "train" / "C", 2)
    assert "val: C 0, N 2, P 2" in refuse(tmp_path)


def test_parts_without_classes_and_twice_the_same_part_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 3)
    assert "got 0 (train: none; test: none)" in refuse(tmp_path)
    fill(tmp_path / "val" / "N", 1)
    fill(tmp_path / "valid" / "N", 1)
    message = refuse(tmp_path)
    assert "val'" in message
    assert "valid'" in message


def test_a_part_without_class_folders_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "N", 3)
    fill(tmp_path / "train" / "P", 3)
    fill(tmp_path / "test", 3)
    assert "got train: N 3, P 3; test: none" in refuse(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        TableOptions(class_names={"covid": "x", "normal": "x", "pneumonia": "x"}),
        TableOptions(where='label == "covid"'),
    ],
)
def test_fewer_than_two_classes_are_refused(options: TableOptions, phantom_folder: Path) -> None:
    with pytest.raises(TableError, match=r"fewer than two classes stay \((x|covid) "):
        read_table(phantom_folder, options)


def test_a_table_that_leads_to_itself_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").symlink_to("labels.csv")
    with pytest.raises(TableError, match="two or more class folders"):
        read_table(tmp_path)
