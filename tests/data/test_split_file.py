"""The split as written down.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrlens.data import StudyTable, write_split
from cxrlens.data.study_table import make_frame
from cxrlens.vocabulary import OutputError, digest

NAMES = ["z.png", "a,b.png", 'q"u.png', "new\nline.png", "return\r.png", "ü\udcff.png", "=cmd.png"]


def make(root: str, names: list[str]) -> StudyTable:
    n = len(names)
    frame = make_frame(
        {
            "image": [os.path.join(root, name) for name in names],  # noqa: PTH118
            "label": ["N", "P"] * (n // 2) + ["N"] * (n % 2),
            "patient_id": ["p1", *[None] * (n - 1)],
            "split": ["train"] * (n - 1) + ["test"],
        }
    )
    return StudyTable(frame, ("N", "P"), root)


def test_it_reads_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("old")
    table = make("somewhere", NAMES)
    assert write_split(table, path) == digest(path.read_bytes())
    assert [entry.name for entry in tmp_path.iterdir()] == ["split.csv"]
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["image", "label", "patient_id", "split"]
    assert [row[0] for row in rows[1:]] == sorted(NAMES, key=os.fsencode)
    expected = {
        name: [label, patient or "", part]
        for name, label, patient, part in zip(
            NAMES, table.frame["label"], table.patients, table.frame["split"], strict=True
        )
    }
    assert {row[0]: row[1:] for row in rows[1:]} == expected
    assert "ü".encode() + b"\xff" in path.read_bytes()


def test_place_and_order_play_no_part(tmp_path: Path) -> None:
    here = make("somewhere", NAMES)
    there = make(str(tmp_path / "else"), NAMES).take(range(len(NAMES))[::-1])
    first = write_split(here, tmp_path / "1")
    assert first == write_split(there, str(tmp_path / "2"))


def test_the_locale_plays_no_part(tmp_path: Path) -> None:
    """In a process of its own, since the locale decides how Python takes file names."""
    for name in (b"\xc3\xbc\xff.png", b"a.png", b"b.png"):
        for label in ("N", "P"):
            (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
            Path(os.fsdecode(bytes(tmp_path / "data" / label) + b"/" + name)).touch()
    code = (
        "import sys; from cxrlens.data import *; "
        "print(write_split(complete_split(read_table(sys.argv[1]), seed=0), sys.argv[2]))"
    )
    digests = set()
    for settings in (
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"},
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "data"), str(tmp_path / "split.csv")],
            env={**os.environ, **settings}, capture_output=True, check=True, text=True,
        )  # fmt: skip
        digests.add(done.stdout)
    assert len(digests) == 1


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_split(make("r", NAMES), tmp_path / "nowhere" / "split.csv")
