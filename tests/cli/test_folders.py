"""Folders as they really are: rows 1-3, 13, 14, 39 and 40 of the catalogue of bad inputs."""

import csv
import os
import shutil
from pathlib import Path

import pytest

NAMES = ["ü é 中.png", "two words.png", "quo\"te's.png", "new\nline.png", "-leading.png"] + [
    "=cmd().png",
    "x" * 251 + ".png",
    "<script>alert(1)<!--.png",
]


@pytest.fixture
def data(phantom_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(phantom_folder, folder)
    return folder


def test_files_that_are_no_images_are_refused_one_by_one(cxrlens, bundle, data, elsewhere) -> None:
    whole = sorted((data / "normal").iterdir())
    (data / "normal" / "half.png").write_bytes(whole[0].read_bytes()[:3000])
    (data / "normal" / "empty.png").write_bytes(b"")
    (data / "normal" / "page.jpg").write_bytes(b"<html></html>")
    (data / "normal" / "paper.png").write_bytes(b"%PDF-1.7 ...")
    outcome = cxrlens("predict", bundle, data / "normal", "--out", "answers")
    assert outcome.code == 3
    for reason in ("truncated", "empty", "unknown-format"):
        assert f"refused ({reason})" in outcome.err
    with Path("answers/predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(whole) + 4
    assert sum(row["status"] == "refused" for row in rows) == 4
    assert len(list(Path("answers/overlays").iterdir())) == len(whole)


def test_a_single_file_that_is_refused_is_wrong_input(cxrlens, bundle, tmp_path) -> None:
    (tmp_path / "page.jpg").write_bytes(b"<html></html>")
    outcome = cxrlens("predict", bundle, tmp_path / "page.jpg")
    assert outcome.code == 2
    assert "HTML" in outcome.err


def test_any_name_works(cxrlens, quick, data, elsewhere) -> None:
    sources = sorted((data / "covid").iterdir())
    for name, source in zip(NAMES, sources, strict=False):
        source.rename(source.parent / name)
    odd = os.fsencode(sources[len(NAMES)].parent) + b"/not-utf8-\xff.png"
    os.rename(sources[len(NAMES)], odd)
    outcome = cxrlens("train", data, "--recipe", "phantom", "--folds", 2, *quick, "--out", "run")
    assert outcome.code == 0, outcome.err
    with Path("run/predictions.csv").open(newline="") as file:
        images = [row["image"] for row in csv.DictReader(file)]
    for name in NAMES:
        assert any(image.endswith(name) for image in images)
    assert any(image.endswith("not-utf8-\\xff.png") for image in images)
    page = Path("run/report.html").read_text()
    assert "<script>alert" not in page
    outcome = cxrlens("predict", run_bundle(), "--out", "answers", "--", *relative(data / "covid"))
    assert outcome.code == 0, outcome.err
    with Path("answers/predictions.csv").open(newline="") as file:
        assert any(row["image"] == "'-leading.png" for row in csv.DictReader(file))


def run_bundle() -> Path:
    return Path("run/fold1/bundle").absolute()


def relative(folder: Path) -> list[str]:
    """Names without a folder before them, as `cd folder; cxrlens predict -- *` gives them."""
    bundle_at = Path.cwd()
    for entry in folder.iterdir():
        shutil.copy(entry, bundle_at / entry.name)
    return [name for name in os.listdir(bundle_at) if name.endswith(".png")]


def test_what_is_no_regular_file_is_passed_over_and_listed(cxrlens, quick, data) -> None:
    covid = data / "covid"
    (covid / "loop.png").symlink_to(covid / "loop.png")
    (covid / "dangling.png").symlink_to("/nowhere/at/all.png")
    (covid / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(covid / "pipe.png")
    (data / "normal" / "nested").mkdir()
    (data / ".DS_Store").write_bytes(b"\0")
    (covid / "Thumbs.db").write_bytes(b"\0")
    outcome = cxrlens("train", data, "--recipe", "phantom", *quick)
    assert outcome.code == 3
    for name in ("loop.png", "dangling.png", "zero.png", "pipe.png"):
        assert any(name in line for line in outcome.err.splitlines() if line.startswith("refused"))
    assert "nested" in outcome.err
    assert "Thumbs" not in outcome.err


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX users")
def test_a_file_without_permission_is_refused(cxrlens, bundle, data) -> None:
    target = sorted((data / "normal").iterdir())[0]
    target.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:  # root may read everything: be nobody for a moment
        for folder in (data, *data.parents, bundle, *bundle.parents):
            if folder.stat().st_uid == 0 and str(folder) != "/":
                folder.chmod(0o755)
        Path("answers").mkdir()
        os.chown("answers", 65534, 65534)
        os.seteuid(65534)
    try:
        outcome = cxrlens("predict", bundle, data / "normal", "--out", "answers")
    finally:
        if is_root:
            os.seteuid(0)
    assert outcome.code == 3, outcome.err
    assert "refused (unreadable)" in outcome.err


def test_links_to_folders_and_endless_names_are_refused(cxrlens, bundle, data) -> None:
    (data / "normal" / "link").symlink_to(data / "covid")
    outcome = cxrlens("predict", bundle, data / "normal", "x" * 300 + ".png")
    assert outcome.code == 3, outcome.err
    assert outcome.err.count("refused (") == 2


def leave(data: Path, **classes: int) -> None:
    """Keep so many images of each class."""
    shutil.rmtree(data / "masks")
    for folder in list(data.iterdir()):
        kept = classes.get(folder.name)
        if kept is None:
            shutil.rmtree(folder)
            continue
        for image in sorted(folder.iterdir())[kept:]:
            image.unlink()


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ({"covid": 9}, ["covid 9"]),
        ({"covid": 9, "normal": 0}, ["normal 0"]),
        ({"covid": 1, "normal": 1}, ["covid 1", "normal 1"]),
    ],
)
def test_classes_that_cannot_be_learnt_are_refused_with_counts(
    cxrlens, quick, data, classes, words
) -> None:
    leave(data, **classes)
    outcome = cxrlens("train", data, "--recipe", "phantom", *quick)
    assert outcome.code == 2
    assert all(word in outcome.err for word in words), outcome.err


def test_a_class_only_in_test_is_refused(cxrlens, quick, data, tmp_path) -> None:
    shutil.rmtree(data / "masks")
    for part, names in (("train", ["covid", "normal"]), ("test", ["covid", "pneumonia"])):
        for name in names:
            shutil.copytree(data / name, tmp_path / "parts" / part / name)
    outcome = cxrlens("train", tmp_path / "parts", "--recipe", "phantom", *quick)
    assert outcome.code == 2
    assert "pneumonia" in outcome.err
    assert "normal" in outcome.err


def test_parts_of_other_classes_are_refused_with_both(cxrlens, data, tmp_path, elsewhere) -> None:
    for part, names in (("train", ["covid", "normal"]), ("val", ["covid", "pneumonia"])):
        for name in names:
            shutil.copytree(data / name, tmp_path / "parts" / part / name)
    outcome = cxrlens("train", tmp_path / "parts", "--recipe", "phantom")
    assert outcome.code == 2
    assert "train: covid 24, normal 24; val: covid 24, pneumonia 24" in outcome.err
    assert not list(elsewhere.iterdir())


ROWS = [f"{k}.png,{'ab'[k % 2]}" for k in range(12)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["image,label", *ROWS, "3.png,a"], "lines 5 and 14 of 'labels.csv' give one image diff"),
        (["image,label", *ROWS[:4], "4.png"], "line 6 of '"),
        (["image,label", *ROWS[:4], ",a"], "line 6 of 'labels.csv' names no image"),
        (["image,label", *ROWS[:11], "11.png,c"], "c 1"),
        (["\ufeffimage;label\r", *(f"{row.replace(',', ';')}\r" for row in ROWS), "3.png;a\r"],
         "lines 5 and 14 of 'labels.csv' give one image different labels"),
    ],
)  # fmt: skip
def test_a_bad_table_of_labels_is_one_sentence_with_its_line(
    cxrlens, data, tmp_path, lines, words
) -> None:
    fill_table(data, tmp_path / "table", lines)
    outcome = cxrlens("train", tmp_path / "table" / "labels.csv", "--recipe", "phantom")
    assert outcome.code == 2
    last = outcome.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in outcome.err


def test_a_missing_file_is_listed_with_its_line(cxrlens, quick, data, tmp_path) -> None:
    table = fill_table(data, tmp_path / "table", ["image,label", *ROWS, "none.png,a"])
    outcome = cxrlens("train", table, "--recipe", "phantom", *quick, "epochs=1")
    assert outcome.code == 3, outcome.err
    assert "line 14 of 'labels.csv' names 'none.png'" in outcome.err


def fill_table(data: Path, folder: Path, lines: list[str]) -> Path:
    """Write a table beside twelve images."""
    folder.mkdir()
    images = [path for name in ("covid", "normal") for path in sorted((data / name).iterdir())]
    for number, image in enumerate(images[18:30]):
        shutil.copy(image, folder / f"{number}.png")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    return folder / "labels.csv"
