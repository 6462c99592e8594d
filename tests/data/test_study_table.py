"""The table's own promises.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from cxrlens.data import StudyTable
from cxrlens.data.study_table import make_frame
from cxrlens.vocabulary import TableError

TABLE = StudyTable(
    make_frame(
        {
            "image": ["r/a.png", "r/b\udcff.png", "r/c.png", "r/d.png"],
            "label": ["N", "P", None, "P"],
            "patient_id": ["1", None, "1", None],
            "split": ["train", "test", "train", None],
        }
    ),
    ("N", "P"),
    "r",
)


def test_columns_and_counts() -> None:
    assert len(TABLE) == 4
    assert TABLE.images[1] == "r/b\udcff.png"
    assert TABLE.relative_images == ("a.png", "b\udcff.png", "c.png", "d.png")
    assert TABLE.targets.tolist() == [0, 1, -1, 1]
    assert TABLE.patients == ("1", None, "1", None)
    assert TABLE.counts == {
        "unsplit": {"N": 0, "P": 1}, "train": {"N": 1, "P": 0}, "test": {"N": 0, "P": 1},
    }  # fmt: skip


def test_parts_and_rows() -> None:
    assert TABLE.split("train").images == ("r/a.png", "r/c.png")
    assert list(TABLE.split("train").frame.index) == [0, 1]
    assert TABLE.take([3, 0]).images == ("r/d.png", "r/a.png")
    with pytest.raises(TableError, match="no 'val' part; it has: unsplit, train, test"):
        TABLE.split("val")
    new = TABLE.with_split(["val", None, "val", "val"], ["done"])
    assert (len(new.split("val")), new.notes, TABLE.notes) == (3, ("done",), ())
    assert list(TABLE.frame["split"]) == ["train", "test", "train", None]


def test_bad_tables_are_refused() -> None:
    frame = TABLE.frame
    with pytest.raises(TableError, match="mask"):
        StudyTable(frame.drop(columns="mask"), ("N", "P"), "r")
    with pytest.raises(TableError, match="'label' holds 'P'; known are: N"):
        StudyTable(frame, ("N",), "r")
    with pytest.raises(TableError, match="'split' holds 'exam'"):
        StudyTable(frame.assign(split="exam"), ("N", "P"), "r")
