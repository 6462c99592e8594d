"""Which rows are judged.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation.cases import select_labelled, select_multilabel
from cxrlens.vocabulary import PredictionTable, TableError

Maker = Callable[..., PredictionTable]


def test_unlabelled_rows_are_left_out(make_table: Maker) -> None:
    probabilities = np.linspace(0, 1, 8).reshape(4, 2)
    table = make_table([1, -1, 0, 1], probabilities, ["a", "b", "a", None], np.array([0, 0, 1, 1]))
    cases = select_labelled(table)
    assert cases.truth.tolist() == [1, 0, 1]
    assert np.array_equal(cases.scores, probabilities[[0, 2, 3]])
    assert cases.clusters.tolist() == [0, 0, 2]
    assert cases.folds.tolist() == [0, 1, 1]
    assert cases.present == (0, 1)
    assert cases.count_patients_of(1) == 2
    assert cases.rank(0).is_positive.tolist() == [False, True, False]


def test_of_several_labels_each_class_has_its_own_images(make_table: Maker) -> None:
    table = replace(
        make_table([-1] * 4, np.linspace(0, 1, 8).reshape(4, 2), ["a", "b", "a", None]),
        labels=np.array([[1, -1], [np.nan, -1], [0, 1], [1, 0]], dtype=np.float32),
    )
    assert table.labels is not None
    assert table.is_labelled.tolist() == [True, False, True, True]
    cases = select_multilabel(table, table.labels)
    assert cases.rank(0).is_positive.tolist() == [True, False, True]
    assert cases.rank(1).is_positive.tolist() == [True, False]
    assert cases.rank(1).clusters.tolist() == [0, 2]
    assert cases.present == (0, 1)
    assert cases.count_patients_of(0) == 2
    with pytest.raises(TableError, match="several labels an image"):
        select_labelled(table)


def test_without_truth_nothing_is_judged(make_table: Maker) -> None:
    with pytest.raises(TableError, match="got 3 images with none"):
        select_labelled(make_table([-1, -1, -1], np.full((3, 2), 0.5)))
