"""Counts against scikit-learn.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from cxrlens.evaluation.cases import select_labelled
from cxrlens.evaluation.counts import average_over_classes, count_by_patient
from cxrlens.vocabulary import PredictionTable

Maker = Callable[..., PredictionTable]


@given(pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_macros_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    truth, decisions = (list(side) for side in zip(*pairs, strict=True))
    counts = confusion_matrix(truth, decisions, labels=range(4)).astype(np.float64)
    macros = average_over_classes(counts[None])
    expected = precision_recall_fscore_support(
        truth, decisions, labels=sorted(set(truth)), average="macro", zero_division=0
    )
    seen = [macros.precision[0], macros.recall[0], macros.f1[0]]
    assert seen == pytest.approx(list(expected[:3]))


def test_each_patient_has_a_confusion_matrix(draw_table: Maker) -> None:
    cases = select_labelled(draw_table(0, 12, 3))
    decisions = np.argmax(cases.scores, axis=1)
    counts = count_by_patient(cases, decisions)
    for patient in range(12):
        own = cases.clusters == patient
        expected = confusion_matrix(cases.truth[own], decisions[own], labels=range(3))
        assert np.array_equal(counts[patient], expected)
