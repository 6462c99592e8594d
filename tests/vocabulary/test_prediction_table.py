"""Columns that do not fit each other are refused.

SPDX-License-Identifier: Apache-2.0
"""

import math
from typing import Any

import numpy as np
import pytest

from cxrlens.vocabulary import PredictionTable, TableError

GOOD: dict[str, Any] = {
    "classes": ("a", "b"),
    "images": ("x.png", "y.png", "z.png"),
    "patients": ("p", None, "p"),
    "truth": np.array([0, -1, 1]),
    "logits": np.array([[0.0, 1.0], [-5.0, 5.0], [2.0, 2.0]]),
    "probabilities": np.array([[0.0, 1.0], [0.5, 0.5], [0.25, 0.75]]),
    "folds": np.zeros(3, dtype=np.int64),
}


def test_a_good_table() -> None:
    table = PredictionTable(**GOOD)
    np.testing.assert_array_equal(table.is_labelled, [True, False, True])
    np.testing.assert_array_equal(table.clusters, [0, 1, 0])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("images", ("x.png", "y.png")),
        ("images", ()),
        ("patients", ("p", None)),
        ("truth", np.array([0, 1])),
        ("folds", np.array([0])),
        ("classes", ("a", "b", "c")),
        ("logits", np.zeros((2, 2))),
        ("probabilities", np.full((3, 3), 1 / 3)),
        ("probabilities", np.zeros((0, 2))),
    ],
)
# Shapes that contradict each other are seen by the run-time check of the annotations as well.
def test_columns_of_unequal_length(column: str, value: object) -> None:
    with pytest.raises((TableError, TypeError)) as caught:
        PredictionTable(**{**GOOD, column: value})
    assert isinstance(caught.value, TableError) or "jaxtyping" in type(caught.value).__module__


@pytest.mark.parametrize("bad", [-0.001, 1.001, math.nan, math.inf, -math.inf])
def test_probabilities_outside_are_told_with_their_row(bad: float) -> None:
    probabilities = GOOD["probabilities"].copy()
    probabilities[1, 0] = bad
    with pytest.raises(TableError, match=rf"\[{bad}, 0\.5\] in row 1 \('y\.png'\)"):
        PredictionTable(**{**GOOD, "probabilities": probabilities})


@pytest.mark.parametrize("bad", [-2, 2, 100])
def test_truth_outside_the_classes(bad: int) -> None:
    with pytest.raises(TableError, match=rf"truth must be -1…1; got .*{bad}"):
        PredictionTable(**{**GOOD, "truth": np.array([0, 1, bad])})


def test_unknown_patients_are_never_one_patient() -> None:
    table = PredictionTable(**{**GOOD, "patients": (None, None, "?")})
    np.testing.assert_array_equal(table.clusters, [0, 1, 2])


def test_of_several_labels_one_known_is_enough() -> None:
    labels = np.array([[-1, np.nan], [-1, 0], [1, np.nan]], dtype=np.float32)
    table = PredictionTable(**{**GOOD, "truth": np.full(3, -1), "labels": labels})
    np.testing.assert_array_equal(table.is_labelled, [False, True, True])


@pytest.mark.parametrize(
    ("truth", "labels", "told"),
    [
        (GOOD["truth"], np.zeros((3, 2), np.float32), "2 with a truth"),
        (np.full(3, -1), np.full((3, 2), 2, np.float32), "got 2"),
        (np.full(3, -1), np.full((3, 2), np.inf, np.float32), "got inf"),
    ],
)
def test_labels_that_are_none(truth: object, labels: object, told: str) -> None:
    with pytest.raises(TableError, match=told):
        PredictionTable(**{**GOOD, "truth": truth, "labels": labels})


def test_truths_by_name() -> None:
    table = PredictionTable(**{**GOOD, "truth": np.array([1, -1, 0])})
    assert table.truths == (GOOD["classes"][1], None, GOOD["classes"][0])
    both = "; ".join(GOOD["classes"])
    for rows, told in (
        ([[1, 1], [0, 0], [-1, np.nan]], (both, "none of them", None)),
        ([[0, -1], [np.nan, 0], [-1, 1]], (*["none that is known"] * 2, GOOD["classes"][1])),
    ):
        labels = np.array(rows, dtype=np.float32)
        several = PredictionTable(**{**GOOD, "truth": np.full(3, -1), "labels": labels})
        assert several.truths == told


def test_rows_and_classes_are_put_in_order_in_every_column() -> None:
    more = {"calibrated": np.array([[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]]),
            "decisions": np.array([[False, True], [True, False], [False, True]])}  # fmt: skip
    table = PredictionTable(**GOOD, **more).arrange(np.array([2, 0]), ("b", "a"))
    assert (table.images, table.truths) == (("z.png", "x.png"), ("b", "a"))
    assert table.probabilities.tolist() == [[0.75, 0.25], [1.0, 0.0]]
    assert table.logits.tolist() == [[2.0, 2.0], [1.0, 0.0]]
    assert table.calibrated is not None
    assert table.calibrated.tolist() == [[0.7, 0.3], [0.9, 0.1]]
    assert table.decided.tolist() == [[True, False], [True, False]]
