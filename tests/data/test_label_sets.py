"""The published tables as they really are, against a second reading with the csv module alone."""

import csv
import gzip
import io
import math
import subprocess
import sys
import zipfile
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.data import StudyTable, TableOptions, read_table
from cxrlens.data.chexpert import CHEXPERT_CLASSES
from cxrlens.data.nih import NIH_CLASSES
from cxrlens.imaging import read_mask
from cxrlens.vocabulary import Box, TableError


@pytest.fixture(scope="session")
def annotations() -> Path:
    """The real annotation files, which a package ships; it is never imported."""
    spec = find_spec("torchxrayvision")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


@cache
def read_rows(path: Path) -> list[list[str]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))
    with gzip.open(path, "rt", newline="") as text:
        return list(csv.reader(text))


def sample(path: Path, to: Path, every: int) -> list[str]:
    """Write every n-th row of a real file, and every image's all rows; give the images' names."""
    rows = read_rows(path)
    names = list(dict.fromkeys(row[0] for row in rows[1:]))[::every]
    kept = set(names)
    with to.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(rows[0])
        writer.writerows(row for row in rows[1:] if row[0] in kept)
    return names


def read_dicts(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as text:
        return list(csv.DictReader(text))


def touch(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"\xff\xd8\xff")


def labels_of(table: StudyTable, row: int) -> dict[str, float]:
    return dict(zip(table.classes, table.label_matrix[row].tolist(), strict=True))


@pytest.mark.slow
def test_nih_within_five_seconds(annotations: Path, tmp_path: Path) -> None:
    """As a user has it, without the tests' run-time checks; seconds of the processor, since other
    work on the machine is not ours to judge."""
    path = tmp_path / "Data_Entry_2017_v2020.csv"
    path.write_bytes(gzip.decompress((annotations / f"{path.name}.gz").read_bytes()))
    code = (
        "import sys, time; from cxrlens.data import read_table; start = time.process_time(); "
        "table = read_table(sys.argv[1]); print(len(table), time.process_time() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, capture_output=True, text=True
    )
    n, seconds = done.stdout.split()
    assert int(n) == 112_120
    assert float(seconds) < 5


@pytest.mark.slow
def test_all_of_nih(annotations: Path) -> None:
    rows = read_rows(annotations / "Data_Entry_2017_v2020.csv.gz")[1:]
    check_nih(read_table(annotations / "Data_Entry_2017_v2020.csv.gz"), rows)


def test_some_of_nih(annotations: Path, tmp_path: Path) -> None:
    sample(annotations / "Data_Entry_2017_v2020.csv.gz", tmp_path / "t.csv", 40)
    with (tmp_path / "t.csv").open(newline="") as text:
        rows = list(csv.reader(text))[1:]
    table = read_table(tmp_path / "t.csv")
    check_nih(table, rows)
    assert any(f"None of the {len(rows)} images was found" in note for note in table.notes)


def check_nih(table: StudyTable, rows: list[list[str]]) -> None:
    assert len(table) == len(rows)
    assert table.classes == NIH_CLASSES
    matrix, frame = table.label_matrix, table.frame
    for row, (image, findings, _, patient, age, sex, view, *_) in enumerate(rows):
        assert Path(frame["image"][row]).name == image
        wanted = set() if findings == "No Finding" else set(findings.split("|"))
        assert {n for n, v in zip(NIH_CLASSES, matrix[row], strict=True) if v == 1} == wanted
        assert frame["patient_id"][row] == image[:8] == patient.zfill(8)
        assert (frame["view"][row], frame["sex"][row]) == (view, sex)
        assert frame["age"][row] == float(age)
    counts = Counter(name for row in rows for name in row[1].split("|"))
    assert {n: int((matrix[:, i] == 1).sum()) for i, n in enumerate(NIH_CLASSES)} == {
        name: counts[name] for name in NIH_CLASSES
    }


def test_nih_of_2017_with_lists_boxes_and_images(annotations: Path, tmp_path: Path) -> None:
    rows = read_rows(annotations / "Data_Entry_2017_v2020.csv.gz")
    boxed = {row[0] for row in read_rows(annotations / "BBox_List_2017.csv.gz")[1:]}
    kept = [row for row in rows[1:] if row[0] in boxed or row[0].endswith("_000.png")][:400]
    # As it was first published: a last comma in every row, and ages such as 058Y.
    with (tmp_path / "Data_Entry_2017.csv").open("w") as text:
        text.write(",".join(rows[0]) + ",\r\n")
        for row in kept:
            text.write(",".join((*row[:4], f"{int(row[4]):03d}Y", *row[5:])) + ",\r\n")
    boxes = gzip.decompress((annotations / "BBox_List_2017.csv.gz").read_bytes())
    (tmp_path / "BBox_List_2017.csv").write_bytes(boxes)
    (tmp_path / "test_list.txt").write_text("\n".join(row[0] for row in kept[:50]))
    (tmp_path / "train_val_list.txt").write_text("\n".join(row[0] for row in kept[50:]))
    for i, row in enumerate(kept):
        touch(tmp_path / f"images_{1 + i % 3:03d}" / "images", row[0])
    table = read_table(tmp_path)  # the folder: images_001 … are no classes
    assert (len(table), table.classes, table.refusals) == (len(kept), NIH_CLASSES, ())
    assert table.counts.keys() == {"train", "test"}
    assert [part == "test" for part in table.frame["split"]] == [True] * 50 + [False] * 350
    assert table.relative_images[4] == f"images_002/images/{kept[4][0]}"
    assert table.frame["age"].tolist() == [float(row[4]) for row in kept]
    of_image: dict[str, list[Box]] = {}
    for image, finding, *sides in read_rows(annotations / "BBox_List_2017.csv.gz")[1:]:
        name = finding.replace("Infiltrate", "Infiltration")
        of_image.setdefault(image, []).append(Box(name, *map(float, sides)))
    for image, its in zip(table.images, table.frame["boxes"], strict=True):
        assert its == (tuple(of_image[Path(image).name]) if Path(image).name in boxed else None)


def test_nih_boxes_alone(annotations: Path) -> None:
    table = read_table(annotations / "BBox_List_2017.csv.gz")
    rows = read_rows(annotations / "BBox_List_2017.csv.gz")[1:]
    assert len(table) == len({row[0] for row in rows}) == 880
    assert sum(len(boxes) for boxes in table.frame["boxes"]) == len(rows) == 984
    assert set(table.classes) == {r[1].replace("Infiltrate", "Infiltration") for r in rows}
    assert np.isnan(table.label_matrix).sum() + (table.label_matrix == 1).sum() == 880 * 8
    assert table.patients[0] == rows[0][0][:8]


def test_one_finding_of_nih(annotations: Path, tmp_path: Path) -> None:
    names = sample(annotations / "Data_Entry_2017_v2020.csv.gz", tmp_path / "t.csv", 500)
    options = TableOptions(columns={"label": ["Effusion"]}, class_names={"Effusion": "effusion"})
    table = read_table(tmp_path / "t.csv", options)
    whole = read_table(tmp_path / "t.csv")
    assert not table.is_multilabel
    assert table.classes == ("no Effusion", "effusion")
    column = whole.label_matrix[:, NIH_CLASSES.index("Effusion")]
    assert table.targets.tolist() == column.astype(int).tolist()
    assert len(table) == len(names)
    with pytest.raises(TableError, match="did you mean 'Effusion'"):
        read_table(tmp_path / "t.csv", TableOptions(columns={"label": ["Efusion"]}))
    two = read_table(tmp_path / "t.csv", TableOptions(columns={"label": ["Mass", "Nodule"]}))
    assert two.classes == ("Mass", "Nodule")
    where = '`Patient Age` > 60 and view == "AP"'
    old = read_table(tmp_path / "t.csv", TableOptions(where=where))
    assert set(old.frame["view"]) == {"AP"}
    assert min(old.frame["age"]) > 60


def test_unknown_findings_are_refused(annotations: Path, tmp_path: Path) -> None:
    sample(annotations / "Data_Entry_2017_v2020.csv.gz", tmp_path / "t.csv", 5000)
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "t.csv").write_text(text.replace("No Finding", "No Finding|Mass", 1))
    line = next(i for i, one in enumerate(text.splitlines(), start=1) if "No Finding" in one)
    with pytest.raises(TableError, match=rf"line {line} of 't.csv' has the findings"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("prefix", ["", "CheXpert-v1.0-small", "CheXpert-v1.0-small/below"])
def test_chexpert(annotations: Path, tmp_path: Path, prefix: str) -> None:
    names = sample(annotations / "chexpert_train.csv.gz", tmp_path / "train.csv", 2000)
    for name in names[1:]:
        rest = name.removeprefix("CheXpert-v1.0-small/")
        touch(tmp_path / prefix, rest)
    table = read_table(tmp_path / "train.csv")
    rows = read_dicts(tmp_path / "train.csv")
    frontal = [r for r in rows if r["Frontal/Lateral"] == "Frontal" and r["AP/PA"] != "LL"]
    assert table.classes == CHEXPERT_CLASSES
    reasons = Counter(refusal.reason for refusal in table.refusals)
    assert reasons == {"lateral": len(rows) - len(frontal), "not-a-file": 1}
    missing = next(one for one in table.refusals if one.reason == "not-a-file")
    assert "line 2 of 'train.csv'" in missing.message
    assert len(table) == len(frontal) - 1
    for row, wanted in enumerate(frontal[1:]):
        rest = wanted["Path"].removeprefix("CheXpert-v1.0-small/")
        assert Path(table.images[row]) == tmp_path / prefix / rest
        assert table.patients[row] == wanted["Path"].split("/")[2]
        assert table.frame["view"][row] == wanted["AP/PA"]
        assert table.frame["sex"][row] == wanted["Sex"][0]
        assert table.frame["age"][row] == float(wanted["Age"])
        assert table.frame["split"][row] == "train"
        for name, value in labels_of(table, row).items():
            if wanted[name] == "":
                assert math.isnan(value)
            else:
                assert value == float(wanted[name])
    assert any("uncertain" in note and "missing" in note for note in table.notes)


def test_chexpert_with_few_images_here(annotations: Path, tmp_path: Path) -> None:
    """Tens of thousands of files are called view1_frontal.jpg: a name alone proves nothing."""
    names = sample(annotations / "chexpert_train.csv.gz", tmp_path / "train.csv", 2000)
    touch(tmp_path, names[4])
    table = read_table(tmp_path / "train.csv")
    assert table.images == (str(tmp_path / names[4]),)


def test_chexpert_folder_joins_its_parts(annotations: Path, tmp_path: Path) -> None:
    names = sample(annotations / "chexpert_train.csv.gz", tmp_path / "train.csv", 2000)
    text = (tmp_path / "train.csv").read_text()
    (tmp_path / "valid.csv").write_text(text.replace("/train/", "/valid/"))
    for name in names:
        rest = name.removeprefix("CheXpert-v1.0-small/")
        touch(tmp_path, rest)
        touch(tmp_path, rest.replace("train/", "valid/"))
    table = read_table(tmp_path)
    assert table.counts.keys() == {"train", "val"}
    assert len(table.split("train")) == len(table.split("val")) == len(table) / 2
    one = read_table(tmp_path, TableOptions(columns={"label": ["Pneumothorax"]}))
    assert one.classes == ("no Pneumothorax", "Pneumothorax")
    kept = one.labelled()
    assert 0 < len(kept) < len(one)
    assert "have no label" in kept.notes[-1]


def test_rsna(annotations: Path, tmp_path: Path) -> None:
    labels = tmp_path / "stage_2_train_labels.csv"
    names = sample(annotations / "kaggle_stage_2_train_labels.csv.zip", labels, 60)
    rows = read_dicts(labels)
    target = {row["patientId"]: row["Target"] for row in rows}
    with (tmp_path / "stage_2_detailed_class_info.csv").open("w") as text:
        text.write("patientId,class\n")
        for name in names:
            text.write(f"{name},{'Lung Opacity' if target[name] == '1' else 'Normal'}\n")
    for name in names:
        touch(tmp_path / "stage_2_train_images", f"{name}.dcm")
        touch(tmp_path / "stage_2_test_images", f"{name[::-1]}.dcm")
    table = read_table(tmp_path)
    assert table.classes == ("no lung opacity", "lung opacity")
    assert [Path(image).stem for image in table.images] == names
    assert table.targets.tolist() == [int(target[name]) for name in names]
    assert set(table.patients) == {None}
    assert any("names an image, not a patient" in note for note in table.notes)
    for row, name in enumerate(names):
        boxes = [
            Box("lung opacity", *(float(one[side]) for side in ("x", "y", "width", "height")))
            for one in rows
            if one["patientId"] == name and one["Target"] == "1"
        ]
        assert table.frame["boxes"][row] == tuple(boxes)
    assert set(table.frame["class_detail"]) == {"Lung Opacity", "Normal"}


@pytest.mark.slow
def test_all_of_rsna(annotations: Path) -> None:
    table = read_table(annotations / "kaggle_stage_2_train_labels.csv.zip")
    rows = read_rows(annotations / "kaggle_stage_2_train_labels.csv.zip")[1:]
    assert len(table) == len({row[0] for row in rows}) == 26_684
    assert sum(len(boxes) for boxes in table.frame["boxes"]) == sum(r[5] == "1" for r in rows)


def decode_siim(runs: list[str]) -> np.ndarray:
    """The challenge's own way, pixel by pixel."""
    mask = np.zeros(1024 * 1024, dtype=bool)
    for one in runs:
        numbers = [int(word) for word in one.split()]
        position = 0
        for start, length in zip(numbers[0::2], numbers[1::2], strict=True):
            position += start
            mask[position : position + length] = True
            position += length
    return mask.reshape(1024, 1024).T


def test_siim(annotations: Path, tmp_path: Path) -> None:
    path = tmp_path / "train-rle.csv"
    names = sample(annotations / "siim-pneumothorax-train-rle.csv.gz", path, 100)
    for name in names:
        touch(tmp_path / "dicom-images-train" / name[::-1] / "series", f"{name}.dcm")
    table = read_table(tmp_path)
    runs: dict[str, list[str]] = {}
    for name, cell in [list(one.values()) for one in read_dicts(path)]:
        runs.setdefault(name, []).append(cell.strip())
    assert [Path(image).stem for image in table.images] == names
    assert table.classes == ("no pneumothorax", "pneumothorax")
    assert table.targets.tolist() == [int(runs[name] != ["-1"]) for name in names]
    assert set(table.patients) == {None}
    masks = dict(zip(names, table.frame["mask"], strict=True))
    assert all((masks[name] is None) == (runs[name] == ["-1"]) for name in names)
    several = [name for name in names if len(runs[name]) > 1]
    assert several
    for name in (*several[:3], *[name for name in names if runs[name] != ["-1"]][:5]):
        assert np.array_equal(read_mask(masks[name]), decode_siim(runs[name]))


def test_all_of_siim(annotations: Path) -> None:
    table = read_table(annotations / "siim-pneumothorax-train-rle.csv.gz")
    assert len(table) == 12_047
    assert table.counts == {"unsplit": {"no pneumothorax": 9378, "pneumothorax": 2669}}


def test_class_folders_beside_a_table(annotations: Path, tmp_path: Path) -> None:
    """Folders named after findings are classes, whatever table lies beside them."""
    sample(annotations / "Data_Entry_2017_v2020.csv.gz", tmp_path / "Data_Entry_2017.csv", 9000)
    for label in ("Effusion", "No Finding"):
        for i in range(3):
            (tmp_path / label).mkdir(exist_ok=True)
            Image.new("L", (64, 64), i).save(tmp_path / label / f"{i}.png")
    assert read_table(tmp_path).classes == ("Effusion", "No Finding")


def test_several_unknown_tables_are_refused(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("image,label\na.png,x\nb.png,y\n")
    with pytest.raises(TableError, match=r"several tables \(one.csv, two.csv\)"):
        read_table(tmp_path)
    (tmp_path / "two.csv").unlink()
    assert read_table(tmp_path).classes == ("x", "y")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("patientId,x,y,width,height,Target\na,,,,,0\na,1,2,3,4,1\n", "line 2 .* and line 3"),
        ("patientId,x,y,width,height,Target\na,1,2,0,4,1\nb,,,,,0\n", "line 2 .* a box"),
        ("patientId,x,y,width,height,Target\na,,,,,1\nb,,,,,0\n", "line 2 .* a box"),
        ("ImageId, EncodedPixels\na,-1\na,1 2\n", "line 2 .* and line 3"),
        ("ImageId, EncodedPixels\na,-1\nb,1 2 3\n", "line 3 .* run lengths"),
        ("Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Mass,1,2,x,4\n", "line 2 .* no box"),
        ("Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Mas,1,2,3,4\n", "line 2 .* 'Mas'"),
        (
            "Path,Enlarged Cardiomediastinum,Pleural Effusion\nx/train/patient1/study1/a.jpg,2,0\n",
            "line 2 .* '2' in the label column 'Enlarged",
        ),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / "t.csv")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none.csv' does not exist"):
        read_table(tmp_path / "none.csv")
