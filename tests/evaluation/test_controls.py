"""Controls: what the file alone tells.

SPDX-License-Identifier: Apache-2.0
"""

import inspect

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrlens.evaluation import judge_category_control, judge_control
from cxrlens.evaluation.controls import _deal, _learn_shares
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


def _shares_by_loops(
    told: list[str], truth: np.ndarray, folds: np.ndarray, k: int
) -> list[list[float]]:
    scores = []
    for own, fold in zip(told, folds, strict=True):
        others = [i for i in range(len(told)) if folds[i] != fold]
        same = [i for i in others if told[i] == own]
        scores.append([
            (sum(truth[i] == c for i in same) + sum(truth[i] == c for i in others) / len(others))
            / (len(same) + 1)
            for c in range(k)
        ])  # fmt: skip
    return scores


def test_categories_are_scored_by_their_shares_among_other_patients() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 90)
    told = [str(rng.choice(["PA", "AP", "lateral"])) for _ in truth]
    clusters = rng.integers(0, 40, 90)
    labels = np.eye(3, dtype=np.float32)[truth]
    folds = _deal(labels, clusters, 0)
    for patient in range(40):
        assert len(set(folds[clusters == patient].tolist())) <= 1
    scores = _learn_shares(told, labels, folds)
    assert scores == pytest.approx(np.array(_shares_by_loops(told, truth, folds, 3)))
    control = judge_category_control("view", told, truth, ["a", "b", "c"], clusters)
    aurocs = []
    for c in range(3):
        wins = [
            float(np.sign(scores[i, c] - scores[j, c]) / 2 + 0.5)
            for i in np.flatnonzero(truth == c)
            for j in np.flatnonzero(truth != c)
            if folds[i] == folds[j]
        ]
        aurocs.append(np.mean(wins))
    assert control.auroc.value == pytest.approx(np.mean(aurocs))


def test_a_category_has_the_auroc_of_its_true_shares() -> None:
    # 80 % of the positives and 30 % of the negatives come from one place
    rng = np.random.default_rng(5)
    truth = np.arange(4000) % 2
    told = np.where(rng.random(4000) < np.where(truth == 1, 0.8, 0.3), "here", "there")
    control = judge_category_control("source", list(told), truth, ["a", "b"], np.arange(4000))
    assert control.auroc.value == pytest.approx(roc_auc_score(truth, told == "here"), abs=0.005)
    assert control.auroc.low is not None
    assert control.auroc.low < 0.75 < (control.auroc.high or 0)


def test_categories_that_say_nothing_are_chance_on_average() -> None:
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 2, 120)
        told = [str(one) for one in rng.integers(0, 4, 120)]
        clusters = np.arange(120) // 2
        control = judge_category_control("view", told, truth, ["a", "b"], clusters)
        values.append(control.auroc.value)
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)


def test_one_category_and_all_categories_apart_are_chance() -> None:
    truth, clusters = np.arange(60) % 3, np.arange(60)
    for told in (["PA"] * 60, [None] * 60, [f"page {i}" for i in range(60)]):
        control = judge_category_control("view", told, truth, ["a", "b", "c"], clusters)
        assert control.auroc.value == pytest.approx(0.5)


def test_an_unknown_source_is_a_source_and_an_unknown_truth_is_left_out() -> None:
    truth = np.tile([0, 1, -1], 20)
    told = [None if one == 1 else "NIH" for one in truth]
    control = judge_category_control("source", told, truth, ["a", "b"], np.arange(60))
    assert control.auroc.value == 1.0
    assert control.auroc.n == 40
    with pytest.raises(TableError, match="got 2 values of 'source', 60 truths"):
        judge_category_control("source", told[:2], truth, ["a", "b"], np.arange(60))


def test_of_several_labels_each_is_learnt_on_its_own() -> None:
    rng = np.random.default_rng(6)
    told = [str(one) for one in rng.choice(["NIH", "SIIM"], 200)]
    here = np.array([one == "NIH" for one in told])
    columns = [here, rng.random(200) < 0.5]
    labels = np.stack(columns, axis=1).astype(np.float32)
    labels[:5, 0], labels[3:9, 1] = np.nan, -1
    control = judge_category_control("source", told, labels, ["a", "b"], np.arange(200))
    apart = []
    for index in range(2):
        truth = np.where(np.isnan(labels[:, index]), -1, labels[:, index]).astype(np.int64)
        one = judge_category_control("source", told, truth, ["no", "yes"], np.arange(200))
        apart.append(one.auroc.value)
    assert apart[0] == 1.0
    assert control.auroc.value == pytest.approx(np.mean(apart), abs=0.06)
