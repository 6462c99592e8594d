"""Tables of labels of no known data set: what was written is read, and every slip has its line."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrlens.data import LABEL_PREFIX, StudyTable, TableOptions, read_table
from cxrlens.vocabulary import Box, TableError

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp"),
                  exclude_characters="|'\ufeff"), min_size=1, max_size=6
).filter(lambda word: word.lower() not in ("nan", "na", "n/a", "<na>", "null") and
         not word.replace(".", "").lstrip("-").isdigit())  # fmt: skip


def write(folder: Path, text: str, name: str = "labels.csv", images: bool = True) -> Path:
    """Write a table, and an empty file for each name in its first column."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    if images:
        for line in text.splitlines()[1:]:
            image = line.split(",")[0].split(";")[0]
            if image:
                (folder / image).parent.mkdir(parents=True, exist_ok=True)
                (folder / image).touch()
    return path


def read(folder: Path, text: str, **options: object) -> StudyTable:
    return read_table(write(folder, text), TableOptions(**options))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WORDS, min_size=2, max_size=4, unique=True),
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.none() | st.sampled_from(["p1", "p 2", "π"]),
            st.sampled_from(["PA", "AP", "unknown"]),
            st.sampled_from([None, "train", "val", "test"]),
        ),
        min_size=2,
        max_size=12,
    ),
    st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    classes: list[str],
    rows: list[tuple[int, str | None, str, str | None]],
    is_found: bool,
) -> None:
    folder = tmp_path_factory.mktemp("generic")
    labels = [classes[i % len(classes)] for i in range(len(rows))]
    images = [f"a b/{i}-π.png" for i in range(len(rows))]
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(["File Name", "DIAGNOSIS", "Subject_ID", "projection", "Subset", "kV"])
        for (kv, patient, view, part), image, label in zip(rows, images, labels, strict=True):
            writer.writerow([image, label, patient or "unknown", view, part, kv])
    (folder / "a b").mkdir()
    for image in images if is_found else []:
        (folder / image).touch()
    table = read_table(folder / "t.csv")
    assert table.relative_images == tuple(images)
    assert list(table.frame["label"]) == labels
    assert set(table.classes) == set(labels)
    assert table.patients == tuple(row[1] for row in rows)
    assert tuple(table.frame["view"]) == tuple(row[2] for row in rows)
    assert list(table.frame["split"]) == [row[3] for row in rows]
    assert list(table.frame["kV"]) == [str(row[0]) for row in rows]
    assert any("None of the" in note for note in table.notes) == (not is_found)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WORDS, min_size=2, max_size=4, unique_by=str.casefold),
    st.lists(st.lists(st.sampled_from(["1", "0", "-1", "", "1.0", "NaN"]), min_size=4, max_size=4),
             min_size=1, max_size=8),
    st.booleans(),
)  # fmt: skip
def test_one_column_a_class(
    tmp_path_factory: pytest.TempPathFactory,
    classes: list[str],
    rows: list[list[str]],
    is_prefixed: bool,
) -> None:
    path = tmp_path_factory.mktemp("flags") / "t.csv"
    names = [LABEL_PREFIX + name if is_prefixed else name for name in classes]
    with path.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(["image", *names])
        writer.writerows([f"{i}.png", *row[: len(names)]] for i, row in enumerate(rows))
    table = read_table(path, TableOptions(columns={} if is_prefixed else {"label": names}))
    assert table.classes == tuple(classes)
    assert table.is_multilabel
    values = {"1": 1, "0": 0, "-1": -1, "1.0": 1, "": np.nan, "NaN": np.nan}
    wanted = [[values[cell] for cell in row[: len(names)]] for row in rows]
    assert np.array_equal(table.label_matrix, np.array(wanted, dtype=np.float32), equal_nan=True)


def test_flags_are_found_by_their_values(tmp_path: Path) -> None:
    text = "path,age,Effusion,Mass,note\na.png,50,1,0,x\nb.png,1,,-1.0,y\nc.png,2,0,1,\n"
    table = read(tmp_path, text)
    assert table.classes == ("Effusion", "Mass")
    assert table.label_counts["Mass"] == {
        "there": 1, "not there": 1, "uncertain": 1, "missing": 0
    }  # fmt: skip
    assert "Of 6 labels (3 images, 2 classes), 1 are uncertain and 1 missing" in table.notes[-1]


def test_one_flag_makes_two_classes(tmp_path: Path) -> None:
    text = "image,Effusion\na.png,1\nb.png,0\nc.png,-1\nd.png,\n"
    table = read(tmp_path, text)
    assert table.classes == ("no Effusion", "Effusion")
    assert list(table.frame["label"]) == ["Effusion", "no Effusion", None, None]
    assert any("1 labels are uncertain and 1 blank" in note for note in table.notes)
    assert len(table.labelled()) == 2


def test_lists_of_findings(tmp_path: Path) -> None:
    text = "image,findings\na.png,Mass|Nodule\nb.png,No Finding\nc.png,Nodule\nd.png,\n"
    table = read(tmp_path, text)
    assert table.classes == ("Mass", "Nodule")
    wanted = [[1, 1], [0, 0], [0, 1], [np.nan, np.nan]]
    assert np.array_equal(table.label_matrix, wanted, equal_nan=True)


def test_labels_that_are_remarkable(tmp_path: Path) -> None:
    rows = ["image,label", *(f"{i}.png,normal" for i in range(5)), "x.png,Normal", "y.png,"]
    table = read(tmp_path, "\n".join([*rows, *(f"c{i}.png,covid" for i in range(4))]))
    assert table.classes == ("Normal", "covid", "normal")
    assert any(
        "label 'Normal' stands in 1 row only (the first: line 7 of 'labels.csv')" in note
        for note in table.notes
    )
    assert any("differ only in capitals" in note for note in table.notes)
    assert "1 of 11 rows have no label." in table.notes
    joined = read(tmp_path, "\n".join(rows + ["c.png,covid"]), class_names={"Normal": "normal"})
    assert joined.classes == ("normal", "covid")
    assert joined.counts["unsplit"] == {"normal": 6, "covid": 1}
    numbers = read(tmp_path, "image,label\na.png,0\nb.png,1.0\n", class_names={"1": "covid"})
    assert numbers.classes == ("0", "covid")


def test_facts_are_normalised(tmp_path: Path) -> None:
    text = (
        "image,label,view,sex,age,patient,hospital\n"
        "a.png,x,AP Supine,male,058Y,n/a,A\nb.png,y,postero-anterior,F,200,7,\n"
        "c.png,x,LATERAL,f,6M,7,A\nd.png,x,,,,None,B\n"
    )
    table = read(tmp_path, text)
    assert list(table.frame["view"]) == ["AP", "unknown", "unknown"]
    assert list(table.frame["view_detail"]) == ["AP Supine", "postero-anterior", None]
    assert list(table.frame["sex"]) == ["M", "F", None]
    assert list(table.frame["age"]) == [58.0, None, None]
    assert table.patients == (None, "7", None)
    assert list(table.frame["source"]) == ["A", None, "B"]
    (refusal,) = table.refusals
    assert (refusal.reason, refusal.image) == ("lateral", "c.png")
    assert "line 4 of 'labels.csv'" in refusal.message
    assert "Rows that state a lateral view were left out: 1." in table.notes
    assert "Ages that are none, or beyond 120 years, count as unknown: 1." in table.notes


def test_masks_and_boxes(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.png").touch()
    box = Box("x", 1.5, 2.0, 3.0, 4.0)
    cell = json.dumps([vars(box)]).replace('"', '""')
    text = (
        "image,label,lung_mask,x_mask,boxes\n"
        f'a.png,x,l.png,m/a.png,"{cell}"\nb.png,y,,rle:2x2:1 1,[]\nc.png,y,,gone.png,\n'
    )
    table = read(tmp_path, text)
    assert list(table.frame["mask"]) == [str(tmp_path / "m" / "a.png"), "rle:2x2:1 1", None]
    assert list(table.frame["boxes"]) == [(box,), (), None]
    assert "Masks were found for 1 of the 2 images that name one." in table.notes
    assert any("lung_mask" in note and "--column mask=NAME" in note for note in table.notes)
    chosen = read(tmp_path, text, columns={"mask": ["lung_mask"]})
    assert set(chosen.frame["mask"]) == {None}


def test_missing_files_are_named_by_line(tmp_path: Path) -> None:
    path = write(tmp_path, "image,label\na.png,x\nb.png,y\n")
    path.write_text("image,label\na.png,x\nnone/gone.png,y\nb.png,y\n")
    table = read_table(path)
    assert [Path(image).name for image in table.images] == ["a.png", "b.png"]
    (refusal,) = table.refusals
    assert (refusal.image, refusal.reason) == ("none/gone.png", "not-a-file")
    assert "line 3 of 'labels.csv' names 'none/gone.png'" in refusal.message
    assert any(note.startswith("1 of 3 rows name no file") for note in table.notes)


def test_ambiguous_names_are_refused_naming_both(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / "images" / folder).mkdir(parents=True)
        (tmp_path / "images" / folder / "a.png").touch()
    (tmp_path / "images" / "b.dcm").touch()
    path = write(tmp_path, "image,label\na.png,x\nb,y\n", images=False)
    table = read_table(path, TableOptions(images=tmp_path / "images"))
    assert table.images == (str(tmp_path / "images" / "b.dcm"),)
    assert table.root == str(tmp_path / "images")
    assert "one/a.png' and " in table.refusals[0].message.replace("two", "one")


def test_repeats(tmp_path: Path) -> None:
    text = "image,label,patient\na.png,x,1\nb.png,y,2\n./a.png,x,1\n"
    table = read(tmp_path, text)
    assert len(table) == 2
    assert "1 rows repeat an image" in table.notes[-1]
    assert "line 4 of 'labels.csv'" in table.notes[-1]
    for row, what in (("a.png,y,1", "labels"), ("a.png,x,3", "patients")):
        with pytest.raises(
            TableError, match=rf"lines 2 and 5 of 'labels.csv' give one image different {what}"
        ):
            read(tmp_path, f"{text}{row}\n".replace("./a.png,x,1\n", "c.png,x,1\n"))
    with pytest.raises(TableError, match=r"lines 2 and 3 .* different masks"):
        read(tmp_path, "image,label,mask\na.png,x,b.png\na.png,x,c.png\nd.png,y,\n")
    table = read(tmp_path, "image,label\na.png,x\nb.png,y\nb.png,y\na.png,x\n")
    assert "line 4 of" in table.notes[-1]  # not line 3, which is the first of its image
    flags = "image,M,N\na.png,1,\nb.png,0,1\na.png,1,{}\n"
    assert len(read(tmp_path, flags.format(""))) == 2
    with pytest.raises(TableError, match=r"lines 2 and 4 .* different labels for N"):
        read(tmp_path, flags.format("0"))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("name,thing\na,b\n", {}, r"no column of a usual name for the images.*name, thing"),
        ("image,thing\na,b\n", {}, r"no column of a usual name for labels.*image, thing"),
        ("image,label\na,x\n,y\n", {}, "line 3 of 'labels.csv' names no image"),
        ("image,label\na,x\nb,x\n", {}, r"two or more classes; got 1 \(x, 2 rows\)"),
        ("image,label\na,\nb,\n", {}, "two or more classes; got 0"),
        ("image,label\na,x\nb,y\n", {"columns": {"patient": ["subject"]}}, "no column 'subject'"),
        ("image,label\na,x\nb,y\n", {"columns": {"label": ["lable"]}}, "did you mean 'label'"),
        ("image,label\na,x\nb,y\n", {"columns": {"imag": ["a"]}}, "did you mean 'image'"),
        ("image,label\na,x\nb,y\n", {"columns": {"view": ["a", "b"]}}, "only one column"),
        ("image,label\na,x\nb,y\n", {"class_names": {"z": "x"}}, "known are: x, y"),
        ("image,label\na,x\nb,y\n", {"class_names": {"x": "y"}}, "two or more classes; got 1"),
        ("image,label\na,x\nb,y\n", {"where": "label == 'z'"}, "holds for no row .*x, y"),
        ("image,label:M\na,1\nb,2\n", {}, "line 3 .* '2' in the label column 'label:M'"),
        ("image,M,N\na,1,0\nb,x,1\n", {"columns": {"label": ["M", "N"]}}, "line 3 .* 'x'"),
        ("image,label,split\na,x,train\nb,y,tset\n", {}, "line 3 .* 'tset' in the split column"),
        ("image,label,view\na,x,LL\nb,y,RL\n", {}, "all 2 rows .* state a lateral view"),
        (
            "image,label\n" + "".join(f"{i},word{i}\n" for i in range(201)),
            {},
            "201 different words",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, text: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        read(tmp_path, text, **options)


def test_odd_names(tmp_path: Path) -> None:
    names = ["-a.png", "=b.png", "c d.png", "é.png", "f;g.png", "../out.png", "'q.png"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([("image", "label"), *((n, n[0]) for n in names)])
    table = read_table(folder / "t.csv")
    assert [Path(image).name for image in table.images] == [Path(n).name for n in names]
    assert table.refusals == ()
    assert table.root == str(tmp_path)
    absolute = [str(folder / name) for name in names]
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([("image", "label"), *((n, n[-5]) for n in absolute)])
    assert list(read_table(tmp_path / "t.csv").images) == absolute


def test_a_split_of_other_words_is_no_split(tmp_path: Path) -> None:
    table = read(tmp_path, "image,label,split\na.png,x,dev\nb.png,y,dev\n")
    assert set(table.frame["split"]) == {None}
    assert any("'split' was not taken as a split" in note for note in table.notes)


@pytest.mark.parametrize(
    ("task", "counts"),
    [
        ("covid3", {"covid": 222, "normal": 228, "pneumonia": 165}),
        ("pneumonia2", {"NORMAL": 721, "PNEUMONIA": 1121}),
        ("pneumothorax2", {"no_pneumothorax": 212, "pneumothorax": 65}),
    ],
)
def test_the_manifest(shared: Path, task: str, counts: dict[str, int]) -> None:
    path = shared / "data" / "manifest.csv"
    table = read_table(path, TableOptions(where=f'task=="{task}"'))
    with path.open(newline="", encoding="utf-8") as text:
        rows = [row for row in csv.DictReader(text) if task in row["task"].split(";")]
    assert table.counts == {"unsplit": counts}
    assert table.refusals == ()
    assert [Path(image) for image in table.images] == [path.parent / row["path"] for row in rows]
    assert list(table.frame["label"]) == [row["label"] for row in rows]
    unknown = [row["patient_id"] if row["patient_id"] != "unknown" else None for row in rows]
    assert list(table.patients) == unknown
    views = Counter({"AP Supine": "AP", "AP?": "unknown", "": "unknown"}.get(v, v)
                    for v in (row["view"] for row in rows))  # fmt: skip
    assert Counter(table.frame["view"]) == views
    assert list(table.frame["source"]) == [row["source"] for row in rows]
    assert [m is not None for m in table.frame["mask"]] == [row["ptx_mask"] != "" for row in rows]
    assert all(Path(mask).is_file() for mask in table.frame["mask"] if mask is not None)


def test_a_column_of_ones_is_no_finding(tmp_path: Path) -> None:
    """Tables made of DICOM headers hold `SamplesPerPixel`, `SeriesNumber` and the like."""
    table = read(tmp_path, "image,one,M,N,other\na.png,1,1,0,1.0\nb.png,1,0,1,1.0\n")
    assert table.classes == ("M", "N")
    assert any(note.endswith("blanks: M, N.") for note in table.notes)
    with pytest.raises(TableError, match="no column of a usual name for labels"):
        read(tmp_path, "image,one\na.png,1\nb.png,1\n")


@pytest.mark.parametrize("cell", ["[" * 50_000, '[{""class_name"": [1]}]', "[1]", "{}", "1"])
def test_cells_that_hold_no_boxes(cell: str, tmp_path: Path) -> None:
    table = read(tmp_path, f'image,label,boxes\na.png,x,"{cell}"\nb.png,y,\n')
    assert not any(table.frame["boxes"])
