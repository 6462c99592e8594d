"""Label files of every form that spreadsheets write, and what is none."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from cxrlens.data import label_bytes, label_file
from cxrlens.data.label_file import read_header, read_label_file
from cxrlens.vocabulary import TableError

PLAIN = "image,label\na.png,normal\nb.png,covid\n"

# What no spreadsheet can mean otherwise: cells of text, the first one never blank, no apostrophe
# before a formula, no zero bytes, no lone surrogates.
CELLS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufeff'"), max_size=12
)
ROWS = st.lists(st.tuples(CELLS.map("x".__add__), CELLS, CELLS), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    ROWS,
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    encoding: str,
    end: str,
    quoting: int,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["image", "label", "the third"])
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    file = read_label_file(path)
    assert file.header == ["image", "label", "the third"]
    assert [tuple(row) for row in file.frame.to_numpy().tolist()] == rows
    # The line on which each row begins, counted by the line ends before it.
    lines = [1]
    for row in [("image", "label", "the third"), *rows]:
        one = io.StringIO(newline="")
        csv.writer(one, delimiter=delimiter, lineterminator=end, quoting=quoting).writerow(row)
        lines.append(lines[-1] + len(one.getvalue().replace("\r\n", "\n").replace("\r", "\n")
                                     .split("\n")) - 1)  # fmt: skip
    assert file.lines.tolist() == lines[1:-1]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.zip", "without suffix"])
def test_packed_or_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(PLAIN.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__MACOSX/._t.csv", "junk")
            archive.writestr("in/t.csv", PLAIN)
    else:
        path.write_text(PLAIN)
    file = read_label_file(path)
    assert file.frame["label"].tolist() == ["normal", "covid"]
    assert file.lines.tolist() == [2, 3]
    assert read_header(path) == ["image", "label"]


def test_parquet_is_read_as_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"image": ["a.png", "b.png", None], "Effusion": [1.0, -1.0, np.nan], "n": [1, 2, 3],
         "sure": [True, False, True], "age": [50.5, 3.0, np.nan]}
    )  # fmt: skip
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    file, other = read_label_file(tmp_path / "t.parquet"), read_label_file(tmp_path / "t.csv")
    assert file.header == other.header
    assert file.frame["image"].tolist() == other.frame["image"].tolist() == ["a.png", "b.png", ""]
    assert file.frame["Effusion"].tolist() == ["1", "-1", ""]
    assert file.frame["sure"].tolist() == ["1", "0", "1"]
    assert file.frame["age"].tolist() == ["50.5", "3", ""]
    assert (file.place(1), other.place(1)) == ("row 2 of 't.parquet'", "line 3 of 't.csv'")


def test_latin_1_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("image,label\nbefund.png,Erguß\n".encode("latin-1"))
    file = read_label_file(path)
    assert file.frame["label"].tolist() == ["Erguß"]
    assert file.notes == ("'t.csv' is not valid UTF-8 and was read as Latin-1.",)


def test_what_spreadsheets_leave_behind(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\nimage ; label;;\n\na.png;x;;\n;;;\nb.png;'=y;;\n")
    file = read_label_file(path)
    assert file.header == ["image", "label"]
    assert file.frame.to_numpy().tolist() == [["a.png", "x"], ["b.png", "=y"]]
    assert file.lines.tolist() == [4, 6]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n \n", "is empty|no row"),
        (b"image,label\n", "no row below its header"),
        (b"image,image\na,b\n", "two columns named 'image'"),
        (b"image,label\na.png,x\nb.png\n", "line 3 of .* has 1 cells, the header has 2"),
        (b"image,label\na.png,x\n\nb.png,x,y\n", "line 4 of .* has 3 cells, the header has 2"),
        (b'image,label\na.png,x\n"b.png,x\nc.png,y\n', "line 3 of .* check its quotes"),
        (b'image,label\n"a"b,x\n', "line 2 of .* check its quotes"),
        (b"<!DOCTYPE html><html></html>", "no table of labels but an HTML or XML page"),
        (b"%PDF-1.7 ...", "no table of labels but a PDF"),
        (b"image,label\n\0\0\0,x\n", "no table of labels|zero byte"),
        (b"image,label\n" + b"a.png,x\n" * 100 + b"\0,x\n", "line 102 of .* zero byte"),
        (b"\x1f\x8b\x08\x00garbage", "cannot be read"),
        (b"PK\x03\x04garbage", "cannot be read"),
        (b"PAR1garbagePAR1", "cannot be read as Parquet"),
        (b"\x89HDF\r\n\x1a\n....", "an HDF5 file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Excel workbook"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_label_file(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="does not exist"):
        read_label_file(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is a folder"):
        read_label_file(tmp_path)
    Image.new("L", (64, 64)).save(tmp_path / "a.csv", format="PNG")
    with pytest.raises(TableError, match="but PNG"):
        read_label_file(tmp_path / "a.csv")
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<a/>")
        archive.writestr("xl/workbook.xml", "<a/>")
    with pytest.raises(TableError, match=r"a workbook of 2 files .* save the table as CSV"):
        read_label_file(tmp_path / "book.xlsx")
    half = gzip.compress(np.random.default_rng(1).bytes(40).hex().encode() * 300)[:60]
    (tmp_path / "half.csv.gz").write_bytes(half)
    with pytest.raises(TableError, match="cannot be read"):
        read_label_file(tmp_path / "half.csv.gz")


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"image,label\n" + b"a,b\n" * 500_000))
    monkeypatch.setattr(label_bytes, "MAX_BYTES", 1_000_000)
    with pytest.raises(TableError, match="unpacks to more than 1000000 bytes"):
        read_label_file(bomb)
    monkeypatch.setattr(label_bytes, "MAX_BYTES", 1_000_000_000)
    monkeypatch.setattr(label_file, "MAX_CELLS", 1000)
    with pytest.raises(TableError, match="more than 1000 cells up to line 502"):
        read_label_file(bomb)
    pd.DataFrame({"image": ["a"] * 2000}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="2000 rows of 1 columns"):
        read_label_file(tmp_path / "t.parquet")
    bomb.write_bytes(gzip.compress(b"image,label\n" + b"a" * 2_000_000))
    with pytest.raises(TableError, match=r"line 2 of .* has more than 1000000 characters"):
        read_label_file(bomb)


@pytest.mark.parametrize("tail", [b"A", b"\x00\xd8\x00\xd8"])
def test_damaged_utf16_is_refused(tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(PLAIN.encode("utf-16") + tail)
    with pytest.raises(TableError, match="begins as UTF-16, but is damaged"):
        read_label_file(path)


def test_odd_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table([["a"], ["b"]], names=["label", "label"]), path)
    with pytest.raises(TableError, match="two columns named 'label'"):
        read_label_file(path)
    parquet.write_table(pa.table({"day": pa.array([2**31 - 1], pa.date32())}), path)
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        read_label_file(path)
