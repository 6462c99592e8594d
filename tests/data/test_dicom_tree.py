"""Trees of DICOM files as archives give them, written from phantoms.

SPDX-License-Identifier: Apache-2.0
"""

import os
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from cxrlens.data import StudyTable, TableOptions, read_table
from cxrlens.data.dicom_tree import index_dicom_tree
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import TableError

CR = "1.2.840.10008.5.1.4.1.1.1"
ROOT = "1.2.826.0.1.3680043.10.1"


@cache
def draw(number: int) -> np.ndarray:
    return draw_nth(number, seed=5).pixels


def write(path: Path, number: int = 0, *, rle: bool = False, **elements: object) -> Path:
    """Write a phantom as a computed radiograph; elements by keyword, None takes one away."""
    pixels = draw(number)
    header = Dataset()
    study = number // 2
    defaults: dict[str, object] = {
        "SOPClassUID": CR, "SOPInstanceUID": f"{ROOT}.{number}", "Modality": "CR",
        "StudyInstanceUID": f"{ROOT}.9.{study}", "SeriesInstanceUID": f"{ROOT}.8.{number}",
        "PatientID": f"phantom{study:05d}", "PatientSex": "F", "PatientAge": "058Y",
        "BodyPartExamined": "CHEST", "ViewPosition": "PA", "Manufacturer": "Drawn",
        "StudyDescription": ("normal", "pneumonia")[study % 2],
        "PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "Rows": pixels.shape[0],
        "Columns": pixels.shape[1], "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "PixelData": pixels.tobytes(),
    }  # fmt: skip
    for keyword, value in {**defaults, **elements}.items():
        if value is not None:
            setattr(header, keyword, value)
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.get("SOPInstanceUID", ROOT)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if rle:
        header.compress(RLELossless, generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Eight images of four studies at several depths, with and without a suffix."""
    names = ["p0/st/se/IM0001", "p0/st/se/IM0002", "p1/a.dcm", "p1/b.DICOM", "c", "d.dcm",
             "deep/er/and/deeper/00000", "x/1.2.3.4"]  # fmt: skip
    for number, name in enumerate(names):
        write(tmp_path / "tree" / name, number)
    return tmp_path / "tree"


def read(path: Path, **columns: str) -> StudyTable:
    return read_table(path, TableOptions(columns={k: [v] for k, v in columns.items()}))


def test_labels_and_all_else_from_the_headers(tree: Path) -> None:
    table = read(tree, label="StudyDescription", source="Manufacturer")
    assert len(table) == 8
    assert table.classes == ("normal", "pneumonia")
    numbers = dict(zip(table.relative_images, table.frame["label"], strict=True))
    assert numbers["p0/st/se/IM0002"] == "normal"
    assert numbers["p1/b.DICOM"] == "pneumonia"
    assert sorted(set(table.patients)) == [f"phantom{i:05d}" for i in range(4)]
    assert set(table.frame["view"]) == {"PA"}
    assert set(table.frame["source"]) == {"Drawn"}
    assert set(table.frame["sex"]) == {"F"}
    assert set(table.frame["age"]) == {58.0}
    assert table.refusals == ()


def test_a_tree_without_labels_can_be_looked_at(tree: Path) -> None:
    table = read_table(tree)
    assert (len(table), table.classes, set(table.targets.tolist())) == (8, (), {-1})
    assert any("no labels" in note for note in table.notes)
    assert set(table.frame["view"]) == {"PA"}


def test_keywords_are_checked(tree: Path) -> None:
    for name, words in (("StudyDescripton", "did you mean 'StudyDescription'?"),):
        with pytest.raises(TableError) as caught:
            read(tree, source=name)
        assert words in str(caught.value)
    with pytest.raises(TableError, match=r"no header .* has a value for 'SeriesDescription'"):
        read(tree, label="SeriesDescription")


def test_an_empty_tag_is_a_missing_label(tree: Path) -> None:
    write(tree / "c", 4, StudyDescription=None)
    table = read(tree, label="StudyDescription")
    assert (table.targets < 0).sum() == 1
    assert any("empty for 1 of 8" in note for note in table.notes)


def test_what_is_no_image_is_passed_over_or_refused(tree: Path) -> None:
    (tree / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tree / ".DS_Store").write_bytes(b"x")
    (tree / "readme.txt").write_text("hello")
    (tree / "p1" / "scan.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tree / "loop").symlink_to(tree)
    (tree / "empty.dcm").touch()
    (tree / "page.dcm").write_text("<html></html>")
    (tree / "cut").write_bytes((tree / "c").read_bytes()[:400])
    (tree / "dangling.dcm").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    write(tree / "report", 20, PixelData=None, Rows=None, Columns=None)
    table = read_table(tree)
    assert len(table) == 8
    reasons = {Path(one.image).name: one.reason for one in table.refusals}
    assert reasons == {
        "cut": "truncated", "dangling.dcm": "not-a-file", "empty.dcm": "empty",
        "page.dcm": "unknown-format", "pipe": "not-a-file", "report": "no-image",
    }  # fmt: skip
    assert "In the tree, files that are no DICOM were passed over: 2." in table.notes
    assert "In the tree, links to folders were not followed: 1." in table.notes
    for one in table.refusals:
        assert "phantom0" not in one.message  # no patient


def test_copies_are_kept_once_and_contradictions_refused(tree: Path) -> None:
    shutil.copy(tree / "c", tree / "c2")
    write(tree / "z_rle", 4, rle=True, StudyDate="20200101")  # other bytes, the same pixels
    other = write(tree / "p1" / "other", 6, SOPInstanceUID=f"{ROOT}.5")
    table = read_table(tree)
    assert len(table) == 7  # 5 and its contradiction are gone
    assert {one.image for one in table.refusals} == {str(tree / "d.dcm"), str(other)}
    assert {one.reason for one in table.refusals} == {"repeated-uid"}
    assert any("Copies" in note and note.endswith(": 2.") for note in table.notes)
    assert any(note.endswith("left out: 2.") and "differ" in note for note in table.notes)


@pytest.mark.parametrize(
    ("kind", "n_images"),
    [("path", 8), ("name", 8), ("stem", 8), ("sop", 8), ("study", 8), ("patient", 8)],
)
def test_a_table_of_labels_by_any_identifier(kind: str, n_images: int, tree: Path) -> None:
    wanted = read(tree, label="StudyDescription")
    files = index_dicom_tree(tree).files
    name = {
        "path": lambda one: os.path.relpath(one.path, tree),
        "name": lambda one: Path(one.path).name,
        "stem": lambda one: Path(one.path).name.removesuffix(".dcm").removesuffix(".DICOM"),
        "sop": lambda one: one.sop_uid,
        "study": lambda one: one.study_uid,
        "patient": lambda one: one.patient,
    }[kind]
    labels = dict(zip(wanted.images, wanted.frame["label"], strict=True))
    lines = sorted({f"{name(one)},{labels[one.path]}" for one in files})
    table_file = tree.parent / "labels.csv"
    table_file.write_text("image,label\n" + "\n".join(lines) + "\n")
    table = read_table(table_file, TableOptions(images=tree))
    assert len(table) == n_images
    assert dict(zip(table.images, table.frame["label"], strict=True)) == labels
    if kind in ("sop", "study", "patient"):
        assert sorted(table.patients) == sorted(wanted.patients)
        assert set(table.frame["view"]) == {"PA"}
        assert not any("None of the" in note for note in table.notes)
        several = [note for note in table.notes if "stand for several images" in note]
        assert bool(several) == (kind != "sop")


def test_what_a_table_says_counts_more_than_the_headers(tree: Path) -> None:
    rows = [f"{ROOT}.{n},{'ab'[n % 2]},AP,M" for n in range(6)] + [f"{ROOT}.77,a,AP,M"]
    path = tree.parent / "labels.csv"
    path.write_text("\n".join(["SOPInstanceUID,label,view,sex", *rows]))
    options = TableOptions(images=tree, columns={"image": ["SOPInstanceUID"]})
    table = read_table(path, options)
    assert len(table) == 6
    assert set(table.frame["view"]) == {"AP"}
    assert set(table.frame["sex"]) == {"M"}
    assert set(table.frame["age"]) == {58.0}
    (refusal,) = table.refusals
    assert refusal.reason == "not-a-file"
    assert "row 7" in refusal.message
    assert "DICOM images that no row names were left out: 2." in table.notes


def test_a_table_that_names_nothing_is_refused(tree: Path) -> None:
    path = tree.parent / "labels.csv"
    path.write_text("image,label\nq,a\nr,b\n")
    with pytest.raises(TableError, match="none of the 2 rows"):
        read_table(path, TableOptions(images=tree))


def test_class_folders_of_dicom_files(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / "in" / "ab"[number % 2] / f"{number:03d}.dcm", number)
    table = read_table(tmp_path / "in")
    assert table.classes == ("a", "b")
    assert sorted(set(table.patients)) == [f"phantom{i:05d}" for i in range(6)]
    assert set(table.frame["view"]) == {"PA"}
    assert set(table.frame["age"]) == {58.0}
    # The same image in two classes is a contradiction; twice in one class it is a copy.
    shutil.copy(tmp_path / "in" / "a" / "000.dcm", tmp_path / "in" / "b" / "copy.dcm")
    shutil.copy(tmp_path / "in" / "a" / "002.dcm", tmp_path / "in" / "a" / "copy.dcm")
    table = read_table(tmp_path / "in")
    assert len(table) == 11
    assert sorted(Path(one.image).name for one in table.refusals) == ["000.dcm", "copy.dcm"]


def test_folders_of_patients_are_no_classes(tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path / f"case{number // 2}" / f"{number}.dcm", number)
    table = read_table(tmp_path)
    assert (len(table), table.classes) == (8, ())
    assert read(tmp_path, label="StudyDescription").classes == ("normal", "pneumonia")


def test_headers_are_read_without_pixels(tree: Path) -> None:
    """Wanting pixels, an index of a large archive would take days."""
    for path in tree.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size - 1000)
    table = read_table(tree)
    assert len(table) == 8 - len(table.refusals)
    assert {one.reason for one in table.refusals} <= {"truncated"}


def test_real_files(shared: Path, tmp_path: Path) -> None:
    """Seven real files: one without pixels, and two that share a SOP Instance UID."""
    shutil.copytree(shared / "data" / "dicom", tmp_path / "dicom")
    (tmp_path / "dicom" / "dicom.csv").unlink()
    table = read_table(tmp_path / "dicom")
    assert len(table) == 4
    reasons = sorted(one.reason for one in table.refusals)
    assert reasons == ["no-image", "repeated-uid", "repeated-uid"]
    assert np.all(table.targets == -1)


def test_a_table_that_names_files_takes_the_rest_from_their_headers(tree: Path) -> None:
    """Else images of one patient would fall on both sides of a split."""
    shutil.copy(tree / "c", tree / "copy")
    write(tree / "other", 5, PixelData=bytes(draw(5).size))
    names = [
        "p0/st/se/IM0001",
        "p0/st/se/IM0002",
        "p1/a.dcm",
        "p1/b.DICOM",
        "c",
        "copy",
        "d.dcm",
        "other",
    ]
    rows = "".join(f"{name},{'ab'[name < 'e']}\n" for name in names)
    path = tree / "labels.csv"
    path.write_text(f"image,label\n{rows}")
    table = read_table(path)
    assert table.relative_images == (
        "p0/st/se/IM0001",
        "p0/st/se/IM0002",
        "p1/a.dcm",
        "p1/b.DICOM",
        "c",
    )
    assert table.patients == tuple(f"phantom{i // 2:05d}" for i in range(5))
    assert set(table.frame["view"]) == {"PA"}
    assert [one.reason for one in table.refusals] == ["repeated-uid"] * 2
