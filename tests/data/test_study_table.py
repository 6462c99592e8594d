"""The table's own promises.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
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


def make_multilabel() -> StudyTable:
    frame = make_frame(
        {
            "image": ["a", "b", "c"],
            "view": ["PA", "AP", "PA"],
            "split": ["train", "train", None],
            "label:Effusion": [1, -1, float("nan")],
            "label:Mass": [1, 0, 0],
            "sex": ["F", None, "M"],
        }
    )
    return StudyTable(frame, ("Effusion", "Mass"), ".")


def test_a_table_may_have_several_labels_an_image() -> None:
    table = make_multilabel()
    assert table.is_multilabel
    assert table.frame["label:Mass"].dtype == np.float32
    np.testing.assert_array_equal(table.label_matrix, [[1, 1], [-1, 0], [np.nan, 0]])
    assert table.counts == {
        "unsplit": {"Effusion": 0, "Mass": 0},
        "train": {"Effusion": 1, "Mass": 1},
    }
    assert table.label_counts["Effusion"] == {
        "there": 1, "not there": 0, "uncertain": 1, "missing": 1,
    }  # fmt: skip
    assert table.take([2, 0]).label_matrix[1].tolist() == [1, 1]


def test_images_are_counted_by_any_column() -> None:
    table = make_multilabel()
    assert table.count_by("view") == {
        "AP": {"Effusion": 0, "Mass": 0},
        "PA": {"Effusion": 1, "Mass": 1},
    }
    assert set(table.count_by("sex")) == {"F", "M", "unknown"}
    with pytest.raises(TableError, match="did you mean 'view'"):
        table.count_by("veiw")


def test_a_single_label_as_a_matrix() -> None:
    frame = make_frame({"image": ["a", "b", "c"], "label": ["x", None, "y"]})
    table = StudyTable(frame, ("x", "y"), ".")
    np.testing.assert_array_equal(table.label_matrix, [[1, 0], [np.nan, np.nan], [0, 1]])
    assert table.label_counts["x"] == {"there": 1, "not there": 1, "uncertain": 0, "missing": 1}


def test_a_multilabel_table_needs_a_column_for_each_class() -> None:
    frame = make_frame({"image": ["a"], "label:x": [1]})
    with pytest.raises(TableError, match="label:y"):
        StudyTable(frame, ("x", "y"), ".")


def test_images_without_classes_are_counted_too() -> None:
    table = StudyTable(make_frame({"image": ["a", "b"], "view": ["PA", "PA"]}), (), ".")
    assert table.count_by("view") == {"PA": {"no label": 2}}
    assert table.counts == {"unsplit": {"no label": 2}}
