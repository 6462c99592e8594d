"""Arrays of labels in every usual form.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.data.label_array import read_labels
from cxrlens.vocabulary import TableError

NAMES = ["normal", "pneumothorax", "effusion"]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_every_form_of_one_class_an_image_says_the_same(numbers: list[int]) -> None:
    wanted = [NAMES[number] for number in numbers]
    forms = [
        np.array(numbers),
        np.array(numbers, dtype=np.uint8)[:, None],
        np.array(numbers, dtype=np.float32),
        np.eye(3)[numbers],
        np.eye(3, dtype=bool)[numbers],
        np.array(wanted, dtype=object),
        np.array(wanted, dtype="S"),
    ]
    for form in forms:
        labels = read_labels("label", form, NAMES)
        assert labels.matrix is None
        assert (list(labels.words), labels.classes) == (wanted, tuple(NAMES))


@given(st.lists(st.lists(st.sampled_from([1, 0, -1, np.nan]), min_size=3, max_size=3), min_size=1))
def test_several_classes_are_kept_as_they_are(rows: list[list[float]]) -> None:
    array = np.array(rows, dtype=np.float32)
    labels = read_labels("label", array, NAMES, several=True)
    assert labels.words == []
    np.testing.assert_array_equal(labels.matrix, array)
    is_one_hot = all(sorted(row) == [0, 0, 1] for row in rows)
    assert (read_labels("label", array, NAMES).matrix is None) == is_one_hot


def test_missing_labels_and_names() -> None:
    assert read_labels("label", np.array([0, -1, 2])).words == ["0", None, "2"]
    assert read_labels("label", np.array([0, -1, 2])).classes == ("0", "2")
    assert read_labels("label", np.array([np.nan, 1.0]), ["a", "b"]).words == [None, "b"]
    words = np.array(["b", "", "a"], dtype=object)
    assert (read_labels("label", words).classes, read_labels("label", words).words) == (
        ("a", "b"),
        ["b", None, "a"],
    )


@pytest.mark.parametrize(
    ("array", "names", "words"),
    [
        (np.array([0.5, 1]), None, "holds 0.5"),
        (np.array([0, 5]), ["a", "b"], "holds 5; expected numbers of the 2 classes"),
        (np.array([0, -2]), None, "holds -2"),
        (np.array([[0.7, 0.3]]), None, "holds 0.7"),
        (np.eye(3), ["a", "b"], "has 3 columns; expected the 2 classes"),
        (np.array(["c"], dtype=object), ["a", "b"], "holds 'c', which is none of the classes"),
        (np.zeros((2, 2, 2)), None, "shape"),
        (np.array([1 + 2j]), None, "type complex128"),
        (np.eye(2), ["a", "a"], "two classes have the same name"),
        (np.array([10**9]), None, "1e+09"),
    ],
)
def test_what_cannot_be_labels_is_refused(array: np.ndarray, names: object, words: str) -> None:
    with pytest.raises(TableError) as caught:
        read_labels("the labels of 'x.h5'", array, names)
    assert words in str(caught.value)
    assert "'x.h5'" in str(caught.value)
