"""Controls: what the file alone tells.

SPDX-License-Identifier: Apache-2.0
"""

import inspect

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrlens.evaluation import judge_control
from cxrlens.vocabulary import TableError


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_two_classes_have_one_figure_in_the_better_direction(sign: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    values = rng.normal(size=200) + truth
    control = judge_control("file bytes", sign * values, truth, ["a", "b"], np.arange(200))
    assert control.name == "file bytes"
    assert control.auroc.value == pytest.approx(roc_auc_score(truth, values))
    assert control.auroc.low is not None
    assert control.auroc.low > 0.5
    assert "in hindsight" in control.auroc.method


def test_three_classes_are_averaged_each_in_its_direction() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(-1, 3, 300)
    values = rng.normal(size=300) + np.array([0.0, 2.0, -2.0, 0.0])[truth]
    control = judge_control("file bytes", values, truth, ["a", "b", "c"], np.arange(300))
    known = truth >= 0
    single = [roc_auc_score(truth[known] == i, values[known]) for i in range(3)]
    assert control.auroc.value == pytest.approx(np.mean([max(a, 1 - a) for a in single]))
    assert control.auroc.low is not None
    assert control.auroc.n == known.sum()
    again = judge_control("file bytes", values, truth, ["a", "b", "c"], np.arange(300), seed=1)
    assert again.auroc.value == control.auroc.value
    assert again.auroc.low != control.auroc.low


def test_whole_numbers_that_say_nothing_are_chance() -> None:
    truth = np.arange(60) % 2
    control = judge_control("width", np.full(60, 1024.0), truth, ["a", "b"], np.arange(60))
    assert control.auroc.value == 0.5
    assert control.auroc.low is not None
    assert control.auroc.low < 0.5


def test_one_class_has_no_control() -> None:
    zeros = np.zeros(20, dtype=np.int64)
    control = judge_control("width", np.arange(20.0), zeros, ["a", "b"], np.arange(20))
    assert control.auroc.value is None


def test_bad_columns_are_refused() -> None:
    truth, clusters = np.array([0, 1, 0]), np.arange(3)
    with pytest.raises(TableError, match=r"got nan of 'width' in row 1"):
        judge_control("width", np.array([1.0, np.nan, 2.0]), truth, ["a", "b"], clusters)
    with pytest.raises(TableError, match="got inf"):
        judge_control("width", np.array([1.0, 3.0, np.inf]), truth, ["a", "b"], clusters)
    # the test run checks axes before we do: take that away
    bare = inspect.unwrap(judge_control)
    with pytest.raises(TableError, match="got 2 values of 'width', 3 truths and 3 patients"):
        bare("width", np.zeros(2), truth, ["a", "b"], clusters)
