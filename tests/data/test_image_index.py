"""Images are found by name: never the wrong one, and never one for two names."""

import os
from pathlib import Path

import pytest

from cxrlens.data.image_index import find_images


def lay(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [str(folder)]


def find(folders: list[str], *names: str, least: int = 1) -> list[str | None]:
    found = find_images(names, folders, least=least)
    return [None if path is None else os.path.relpath(path, folders[0]) for path in found.paths]


def test_straight_or_below(tmp_path: Path) -> None:
    root = lay(tmp_path, "a.png", "x/b.png", "x/y/c.JPG", "x/1.2.345.dcm", "x/1.2.346")
    assert find(root, "a.png", "b.png", "c", "1.2.345", "1.2.346", "d.png") == [
        "a.png", "x/b.png", "x/y/c.JPG", "x/1.2.345.dcm", "x/1.2.346", None
    ]  # fmt: skip
    # Both may mean one file: it belongs to the name that fits it better.
    assert find(root, "y/c.jpg", "c") == ["x/y/c.JPG", None]
    assert find(root, r"C:\data\x\b.png") == ["x/b.png"]
    assert find(root, str(tmp_path / "a.png")) == ["a.png"]


def test_one_file_is_never_given_to_two_names(tmp_path: Path) -> None:
    root = lay(tmp_path, "p1/s/view.jpg", "a.png")
    names = [f"set/train/p{i}/s/view.jpg" for i in range(5)]
    assert find(root, *names) == [None, "p1/s/view.jpg", None, None, None]
    assert find(root, *names[2:]) == [None] * 3  # all fit equally badly
    assert find(root, names[2], least=3) == [None]
    assert find(root, "a.png", "a.jpg") == ["a.png", None]
    assert find(root, "./a.png", "a.jpg") == ["a.png", None]


def test_doubts_are_told(tmp_path: Path) -> None:
    root = lay(tmp_path, "1/a.png", "2/a.png", "2/a.dcm", "masks/b.png", "3/b.png", ".x/b.png")
    found = find_images(["a.png", "2/a.png", "a.dcm", "b"], root)
    assert [None if p is None else os.path.relpath(p, tmp_path) for p in found.paths] == [
        None, "2/a.png", "2/a.dcm", "3/b.png"
    ]  # fmt: skip
    assert set(map(os.path.dirname, found.doubts[0])) == {f"{tmp_path}/1", f"{tmp_path}/2"}


def test_links_loops_and_what_is_no_file(tmp_path: Path) -> None:
    root = lay(tmp_path / "in", "real/a.png")
    lay(tmp_path / "out", "b.png")
    folder = tmp_path / "in"
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "out").symlink_to(tmp_path / "out")
    (folder / "gone.png").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    names = ["a.png", "b.png", "gone.png", "pipe.png", "folder.png", "a\0b", "", "x" * 5000]
    assert find(root, *names) == ["real/a.png", "out/b.png", *[None] * 6]


def test_relative_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "a.png", "x/b.png", "x\udcff/c.png")
    monkeypatch.chdir(tmp_path)
    found = find_images(["a.png", "b.png", "x\udcff/c.png"], ["."])
    assert found.paths == ("./a.png", "./x/b.png", "./x\udcff/c.png")
    assert found.n_elsewhere == 1


def test_accents_in_either_form(tmp_path: Path) -> None:
    one_letter, letter_and_accent = "\u00e9.png", "e\u0301.png"
    root = lay(tmp_path, one_letter)
    assert find(root, letter_and_accent) == [one_letter]


def test_images_inside_hdf5_files(tmp_path: Path) -> None:
    root = lay(tmp_path, "train.h5")
    assert find_images(["train.h5#image/3", "none.h5#image/3"], root).paths == (
        str(tmp_path / "train.h5#image/3"), None
    )  # fmt: skip
