"""Subgroups against judgements of tables filtered by hand, and by simulation.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from cxrlens.evaluation import Subgroups, judge, judge_subgroups
from cxrlens.evaluation.group_gap import compare_pair
from cxrlens.evaluation.proportions import find_wilson_ends
from cxrlens.evaluation.subgroups import list_figures
from cxrlens.vocabulary import Estimate, PredictionTable, TableError

Maker = Callable[..., PredictionTable]


def filter_by_hand(table: PredictionTable, rows: list[int]) -> PredictionTable:
    return PredictionTable(
        classes=table.classes,
        images=tuple(table.images[row] for row in rows),
        patients=tuple(table.patients[row] for row in rows),
        truth=table.truth[rows],
        logits=table.logits[rows],
        probabilities=table.probabilities[rows],
        folds=table.folds[rows],
        labels=None if table.labels is None else table.labels[rows],
    )


def deal(table: PredictionTable, names: str, seed: int) -> list[str | None]:
    """Give every patient one of the groups; `?` is unknown."""
    random = np.random.default_rng(seed)
    of_patient = {patient: random.choice(list(names)) for patient in dict.fromkeys(table.patients)}
    return [None if of_patient[one] == "?" else str(of_patient[one]) for one in table.patients]


def beyond_chance(found: Subgroups) -> list[tuple[str, str | None]]:
    return [(f.name, f.class_name) for f in found.figures if f.gap and f.gap.is_beyond_chance]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("folds", [1, 2])
def test_each_group_is_judged_as_if_it_were_alone(draw_table: Maker, k: int, folds: int) -> None:
    table = draw_table(1, 120, k)
    table = replace(table, folds=np.arange(len(table.images)) % folds)
    groups = deal(table, "FM?", 2)
    found = judge_subgroups(table, "sex", groups, resamples=100)
    assert [group.name for group in found.groups] == ["F", "M", "unknown"]
    for place, group in enumerate(found.groups):
        key = None if group.name == "unknown" else group.name
        rows = [row for row, one in enumerate(groups) if one == key]
        alone = judge(filter_by_hand(table, rows), resamples=100)
        assert (group.n_images, group.n_patients) == (alone.n_images, alone.n_patients)
        assert [c.n_images for c in group.counts] == [c.n_images for c in alone.per_class]
        assert [c.n_patients for c in group.counts] == [c.n_patients for c in alone.per_class]
        figures = {(f.name, f.class_name): f.estimates[place] for f in found.figures}
        assert figures[("accuracy", None)] == alone.accuracy
        assert figures[("macro_f1", None)] == alone.macro_f1
        for report in alone.per_class[1 if k == 2 else 0 :]:
            for name in ("recall", "specificity", "precision", "f1", "auroc"):
                assert figures[(name, report.class_name)] == getattr(report, name)


def test_every_estimate_of_a_judgement_is_a_figure(draw_table: Maker) -> None:
    evaluation = judge(draw_table(0, 60, 3), resamples=50)
    count = sum(isinstance(one, Estimate) for one in vars(evaluation).values())
    per_class = sum(isinstance(one, Estimate) for one in vars(evaluation.per_class[0]).values())
    same = ("balanced_accuracy", "micro_precision", "micro_recall", "micro_f1")
    assert all(getattr(evaluation, one).value is None for one in same)
    assert len(list_figures(evaluation)) == count - len(same) + 3 * per_class


def test_of_two_classes_no_figure_stands_twice(draw_table: Maker) -> None:
    names = list(list_figures(judge(draw_table(0, 60, 2), resamples=50)))
    assert ("macro_auroc", None) not in names
    assert {one for _, one in names} == {None, "class 1"}


def test_several_labels_are_judged_where_they_are_known(draw_table: Maker) -> None:
    table = draw_table(3, 150, 2)
    random = np.random.default_rng(3)
    labels = random.choice([1, 0, -1, np.nan], (len(table.images), 2), p=[0.4, 0.4, 0.1, 0.1])
    table = replace(table, truth=np.full(len(labels), -1), labels=labels.astype(np.float32))
    groups = deal(table, "ab", 1)
    found = judge_subgroups(table, "view", groups, resamples=50)
    rows = [row for row, one in enumerate(groups) if one == "a"]
    alone = judge(filter_by_hand(table, rows), resamples=50)
    figures = {(f.name, f.class_name): f.estimates[0] for f in found.figures}
    assert figures[("auroc", "class 0")] == alone.per_class[0].auroc
    assert figures[("auroc", "class 1")] == alone.per_class[1].auroc
    assert not any(figure.name == "accuracy" for figure in found.figures)
    patients = np.array(table.patients)[rows]
    without = {one for one, label in zip(patients, labels[rows, 1], strict=True) if label == 0}
    assert found.groups[0].counts[1].n_patients_without == len(without)


def test_a_small_group_is_counted_and_nothing_is_claimed_of_it(draw_table: Maker) -> None:
    table = draw_table(5, 80, 2)
    patients = list(dict.fromkeys(table.patients))
    few = set(patients[:9])
    groups = ["few" if one in few else "many" for one in table.patients]
    found = judge_subgroups(table, "source", groups, resamples=50)
    assert [(group.name, group.is_small) for group in found.groups] == [
        ("few", True),
        ("many", False),
    ]
    assert found.groups[0].n_patients == 9
    assert found.n_comparisons == 0
    for figure in found.figures:
        assert figure.estimates[0].value is None
        assert "fewer than 10 patients" in figure.estimates[0].method
        assert figure.gap is None


def test_a_class_that_few_patients_have_is_not_compared(make_table: Maker) -> None:
    random = np.random.default_rng(0)
    truth = np.array([0] * 40 + [1] * 40 + [0] * 71 + [1] * 9)
    high = np.clip(random.normal(0.35 + 0.3 * truth, 0.2), 0.01, 0.99)
    groups = ["a"] * 80 + ["b"] * 80
    found = judge_subgroups(
        make_table(truth, np.column_stack([1 - high, high])), "sex", groups, resamples=50
    )
    compared = {(figure.name, figure.class_name) for figure in found.figures if figure.gap}
    assert compared == {("accuracy", None)}
    assert found.n_comparisons == 1
    recall = next(figure for figure in found.figures if figure.name == "recall")
    assert recall.estimates[1].value is not None  # told, with its wide interval


def test_a_planted_gap_is_found_and_named(draw_table: Maker) -> None:
    table = draw_table(11, 400, 2, signal=3.0)
    groups = deal(table, "FM", 4)
    is_male = np.array([one == "M" for one in groups])
    worse = table.probabilities.copy()
    missed = is_male & (table.truth == 1) & (np.arange(is_male.size) % 2 == 0)
    worse[missed] = [0.95, 0.05]
    found = judge_subgroups(replace(table, probabilities=worse), "sex", groups, resamples=100)
    assert ("recall", "class 1") in beyond_chance(found)
    recall = next(figure for figure in found.figures if figure.name == "recall")
    assert recall.gap is not None
    assert (recall.gap.highest, recall.gap.lowest) == ("F", "M")
    values = [one.value for one in recall.estimates]
    assert recall.gap.difference.value == pytest.approx(values[0] - values[1])
    assert recall.gap.difference.low > 0.1


@pytest.mark.slow
def test_groups_that_do_not_differ_are_rarely_told_apart(draw_table: Maker) -> None:
    false_alarms = 0
    for seed in range(100):
        table = draw_table(seed, 150, 2)
        found = judge_subgroups(table, "source", deal(table, "abc", seed), resamples=40)
        assert found.n_comparisons >= 27
        false_alarms += bool(beyond_chance(found))
    assert false_alarms <= 8  # of a share of at most 0.05 more than 10 come once in a hundred


def test_one_comparison_is_newcombes_interval() -> None:
    """Of 56 in 70 and 48 in 80: method 10 of Newcombe 1998, his example (a): 0.0524 to 0.3339."""
    pair = tuple(
        Estimate(hits / n, *find_wilson_ends(hits / n, float(n)), n, "Wilson")
        for hits, n in ((56, 70), (48, 80))
    )
    gap = compare_pair(("a", "b"), (pair[0], pair[1]), 1, 0.0)
    assert gap.difference.value == pytest.approx(0.2)
    assert gap.difference.low == pytest.approx(0.0524, abs=5e-5)
    assert gap.difference.high == pytest.approx(0.3339, abs=5e-5)


@pytest.mark.parametrize(("hits", "n"), [(27, 30), (30, 30), (15, 30), (140, 200)])
@pytest.mark.parametrize("n_comparisons", [10, 100])
def test_widened_ends_are_near_those_of_the_level(hits: int, n: int, n_comparisons: int) -> None:
    """Against Wilson's own interval at that level, for a figure compared with one that is sure."""
    share = hits / n
    sure = Estimate(0.0, 0.0, 0.0, n, "none")
    own = Estimate(share, *find_wilson_ends(share, float(n)), n, "Wilson")
    gap = compare_pair(("a", "b"), (own, sure), n_comparisons, 0.0)
    quantile = float(norm.isf(0.025 / n_comparisons))
    low, high = find_wilson_ends(share, float(n), quantile)
    assert gap.difference.low == pytest.approx(low, abs=0.05)
    assert gap.difference.high == pytest.approx(high, abs=0.05)


def test_patients_in_both_groups_are_taken_into_account(make_table: Maker) -> None:
    """Every patient has one image in each group, and both are right or both are wrong."""
    random = np.random.default_rng(2)
    n = 200
    truth = np.repeat(np.arange(n) % 2, 2)
    is_right = np.repeat(random.random(n) < 0.75, 2)
    high = np.where(is_right == (truth == 1), 0.8, 0.2)
    patients = [f"p{row // 2}" for row in range(2 * n)]
    table = make_table(truth, np.column_stack([1 - high, high]), patients)
    views = ["PA", "AP"] * n
    found = judge_subgroups(table, "view", views, resamples=50)
    assert found.n_shared_patients == n
    accuracy = next(figure for figure in found.figures if figure.name == "accuracy")
    apart = judge_subgroups(replace(table, patients=(None,) * (2 * n)), "view", views, resamples=50)
    alone = next(figure for figure in apart.figures if figure.name == "accuracy")
    assert accuracy.gap is not None
    assert alone.gap is not None

    def width(estimate: Estimate) -> float:
        assert estimate.low is not None
        assert estimate.high is not None
        return estimate.high - estimate.low

    assert apart.n_shared_patients == 0
    assert width(accuracy.gap.difference) < 0.6 * width(alone.gap.difference)
    assert "common patients" in accuracy.gap.difference.method
    assert "common patients" not in alone.gap.difference.method


@pytest.mark.slow
def test_the_correlation_by_common_patients_is_that_of_the_errors(make_table: Maker) -> None:
    """Half of the patients lie in both groups and agree there: the correlation is one half."""
    found = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        both = np.repeat(random.random(150) < 0.7, 2)
        one = random.random(300) < 0.7
        is_right = np.concatenate([both, one])
        truth = np.tile([0, 0, 1, 1], 150)
        high = np.where(is_right == (truth == 1), 0.8, 0.2)
        patients = [f"b{row // 2}" for row in range(300)] + [f"s{row}" for row in range(300)]
        table = make_table(truth, np.column_stack([1 - high, high]), patients)
        result = judge_subgroups(table, "view", ["PA", "AP"] * 300, resamples=40)
        accuracy = next(figure for figure in result.figures if figure.name == "accuracy")
        assert accuracy.gap is not None
        found.append(float(accuracy.gap.difference.method.split("correlation of ")[1].split()[0]))
    assert np.mean(found) == pytest.approx(0.5, abs=0.2)


def test_columns_of_other_lengths_are_refused(draw_table: Maker) -> None:
    with pytest.raises(TableError, match="one group a row; got 1 groups of 'sex'"):
        judge_subgroups(draw_table(0, 20, 2), "sex", ["F"])


def test_images_without_a_truth_count_nowhere(draw_table: Maker) -> None:
    table = draw_table(0, 60, 2)
    groups = deal(table, "FM", 0)
    truth = table.truth.copy()
    truth[:40] = -1
    found = judge_subgroups(replace(table, truth=truth), "sex", groups, resamples=40)
    assert sum(group.n_images for group in found.groups) == len(truth) - 40
