"""A few images of each class, patients whole.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.data import StudyTable
from cxrlens.data.study_table import make_frame
from cxrlens.training import limit_table
from cxrlens.vocabulary import TableError


def make_table(n: int, each: int = 1, split: bool = False) -> StudyTable:
    columns: dict[str, list[object]] = {
        "image": [f"/data/{i}.png" for i in range(n)],
        "label": [("a", "b")[i // each % 2] for i in range(n)],
        "patient_id": [None if i % 7 == 0 and each == 1 else f"p{i // each}" for i in range(n)],
    }
    if split:
        columns["split"] = [("train", "test")[i % 4 == 3] for i in range(n)]
    return StudyTable(make_frame(columns), ("a", "b"), "/data")


@given(st.integers(1, 12), st.integers(0, 50))
def test_no_class_has_more_and_every_class_is_there(limit: int, seed: int) -> None:
    table = make_table(40)
    limited = limit_table(table, limit, seed)
    assert limited.counts == {"unsplit": {"a": limit, "b": limit}}
    assert set(limited.images) <= set(table.images)
    assert "--limit" in limited.notes[-1]
    assert limit_table(table, limit, seed).images == limited.images


def test_patients_are_taken_whole() -> None:
    limited = limit_table(make_table(60, each=3), 7, 0)
    assert limited.counts == {"unsplit": {"a": 6, "b": 6}}
    patients = [patient for patient in limited.patients if patient is not None]
    assert all(patients.count(one) == 3 for one in set(patients))


def test_parts_that_the_data_bring_are_limited_each() -> None:
    limited = limit_table(make_table(80, split=True), 3, 0)
    assert limited.counts["train"] == {"a": 3, "b": 3}
    assert limited.counts["test"] == {"a": 0, "b": 3}


def test_another_seed_takes_others() -> None:
    table = make_table(80)
    assert limit_table(table, 5, 0).images != limit_table(table, 5, 1).images


def test_a_larger_limit_keeps_all() -> None:
    table = make_table(20)
    assert limit_table(table, 1000, 0).images == table.images


def test_images_without_a_class_are_left_out() -> None:
    columns = {"image": ["/d/1.png", "/d/2.png", "/d/3.png"], "label": ["a", None, "b"]}
    table = StudyTable(make_frame(columns), ("a", "b"), "/d")
    assert limit_table(table, 5, 0).images == ("/d/1.png", "/d/3.png")


def test_several_labels() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (50, 2)).astype(float)
    frame = make_frame(
        {
            "image": [f"/d/{i}.png" for i in range(50)],
            "label:a": labels[:, 0].tolist(),
            "label:b": labels[:, 1].tolist(),
        }
    )
    limited = limit_table(StudyTable(frame, ("a", "b"), "/d"), 6, 0)
    assert (limited.label_matrix == 1).sum(axis=0).max() == 6


def test_of_several_labels_images_with_none_of_them_are_taken_too() -> None:
    labels = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, float("nan")], [float("nan")] * 2] * 4
    frame = make_frame(
        {
            "image": [f"/d/{i}.png" for i in range(20)],
            "label:a": [row[0] for row in labels],
            "label:b": [row[1] for row in labels],
        }
    )
    limited = limit_table(StudyTable(frame, ("a", "b"), "/d"), 3, 0).label_matrix
    assert (limited == 1).sum(axis=0).tolist() == [3, 3]
    assert int(((limited != 1).all(axis=1) & (limited == 0).any(axis=1)).sum()) == 3
    assert len(limited) == 9


@pytest.mark.parametrize(("limit", "told"), [(0, "got 0"), (-1, "got -1"), (2, "every patient")])
def test_a_limit_that_leaves_nothing_is_refused(limit: int, told: str) -> None:
    with pytest.raises(TableError, match=told):
        limit_table(make_table(60, each=3), limit, 0)
