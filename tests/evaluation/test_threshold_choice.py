"""Thresholds against every threshold there is, counted slowly."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.evaluation.operating_rule import read_rule
from cxrlens.evaluation.threshold_choice import (
    choose_operating_point,
    choose_threshold,
    list_levels,
)
from cxrlens.vocabulary import InputError, PredictionTable

RULES = ("youden", "f1", "sensitivity>=0.95", "sensitivity>=0.5", "specificity>=0.9",
         "cost(fn=5,fp=1)", "cost(fn=1,fp=7)")  # fmt: skip

CASES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]), st.booleans()),
    min_size=2,
    max_size=25,
).filter(lambda cases: len({truth for _, truth in cases}) == 2)


def count(cases: list[tuple[float, bool]], level: float) -> tuple[int, int, int, int]:
    """Found, missed, false alarms, rightly left."""
    found = sum(1 for score, truth in cases if truth and score >= level)
    missed = sum(1 for score, truth in cases if truth and score < level)
    alarms = sum(1 for score, truth in cases if not truth and score >= level)
    left = sum(1 for score, truth in cases if not truth and score < level)
    return found, missed, alarms, left


def rate(text: str, found: int, missed: int, alarms: int, left: int) -> float | None:
    """How good a threshold is by a rule, written from its name; None where it is not met."""
    sensitivity, specificity = found / (found + missed), left / (left + alarms)
    if text == "youden":
        return sensitivity + specificity - 1
    if text == "f1":
        if found == 0:
            return 0.0
        precision = found / (found + alarms)
        return 2 * precision * sensitivity / (precision + sensitivity)
    if text.startswith("cost"):
        miss, alarm = (5, 1) if text == "cost(fn=5,fp=1)" else (1, 7)
        return -float(miss * missed + alarm * alarms)
    name, wanted = text.split(">=")
    if name == "sensitivity":
        return specificity if sensitivity >= float(wanted) else None
    return sensitivity if specificity >= float(wanted) and found else None


@given(cases=CASES, text=st.sampled_from(RULES))
def test_no_threshold_is_better(cases: list[tuple[float, bool]], text: str) -> None:
    scores = np.array([score for score, _ in cases])
    labels = np.array([float(truth) for _, truth in cases])
    mine = choose_threshold("ill", scores, labels, np.arange(len(cases)), read_rule(text))
    # every threshold that counts: 0, just above each score, and each score itself
    levels = sorted({0.0, *(s for s, _ in cases), *(np.nextafter(s, 2) for s, _ in cases if s < 1)})
    rated = [(rate(text, *count(cases, level)), level) for level in levels]
    met = [(value, level) for value, level in rated if value is not None]
    if not met:
        assert mine is None
        return
    assert mine is not None
    found, missed, alarms, left = count(cases, mine.value)
    best = max(value for value, _ in met)
    assert rate(text, found, missed, alarms, left) == pytest.approx(best, abs=1e-12)
    # of equals the lowest: nothing below it that flags more is as good
    lower = [value for value, level in met if count(cases, level)[::2] > (found, alarms)]
    assert all(value < best - 1e-12 for value in lower)
    assert mine.sensitivity.value == pytest.approx(found / (found + missed))
    assert mine.specificity.value == pytest.approx(left / (left + alarms))
    assert "in-sample" in mine.sensitivity.method
    assert (mine.n_positives, mine.n_negatives) == (found + missed, alarms + left)


def test_a_threshold_sits_on_no_case_and_divides_all() -> None:
    scores = np.random.default_rng(0).random(50)
    levels = list_levels(scores)
    assert len(levels) == 51
    assert not set(levels) & set(scores)
    assert [int((scores >= level).sum()) for level in levels] == list(range(50, -1, -1))
    assert all(a < b for a, b in pairwise(levels))


def test_neighbours_in_floating_point_are_still_divided() -> None:
    low = 0.3
    high = float(np.nextafter(low, 1))
    levels = list_levels(np.array([low, high]))
    assert [int((np.array([low, high]) >= level).sum()) for level in levels] == [2, 1, 0]


def test_what_is_not_known_and_one_side_alone() -> None:
    scores, clusters = np.array([0.1, 0.9, 0.4]), np.arange(3)
    rule = read_rule("youden")
    mine = choose_threshold("ill", scores, np.array([0.0, 1.0, np.nan]), clusters, rule)
    assert mine is not None
    assert (mine.n_positives, mine.n_negatives, mine.value) == (1, 1, 0.5)
    for alone in (0.0, 1.0, np.nan):
        labels = np.full(3, alone)
        assert choose_threshold("ill", scores, labels, clusters, rule) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("youdne", ["'youdne'", "youden"]),
        ("sensitivity>=1.5", ["1.5"]),
        ("sensitivity>=0", ["above 0"]),
        ("specificity>=.", ["'.'"]),
        ("cost(fn=0,fp=1)", ["above 0"]),
        ("sensitivity>0.9", ["sensitivity>=0.95"]),
    ],
)
def test_rules_that_are_none(text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        read_rule(text)
    assert all(word in str(refusal.value) for word in words)


@pytest.mark.parametrize("text", RULES)
def test_a_rule_is_read_as_it_is_written(text: str) -> None:
    assert str(read_rule(text)) == text
    assert read_rule(f" {text.upper()} ") == read_rule(text)


def test_two_classes_have_one_threshold_and_three_only_flags(make_table) -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 60)
    two = make_table(truth, np.stack([1 - truth * 0.4 - 0.3, truth * 0.4 + 0.3], axis=1))
    point = choose_operating_point(two, two.probabilities, read_rule("youden"), "here")
    assert [one.class_name for one in point.thresholds] == ["class 1"]
    assert point.rule == point.threshold_rule == "youden"
    decided = point.decide(two.classes, two.probabilities, is_multilabel=False)
    assert (decided[:, 1] == (truth == 1)).all()
    assert (decided.sum(axis=1) == 1).all()
    truth = rng.integers(0, 3, 60)
    three = make_table(truth, np.eye(3)[truth] * 0.7 + 0.1)
    point = choose_operating_point(three, three.probabilities, read_rule("f1"), "here")
    assert point.rule == "argmax"
    assert point.threshold_rule == "f1"
    assert len(point.thresholds) == 3


def test_several_labels_decide_each_at_its_own(make_table) -> None:
    labels = np.array([[1, 0], [1, np.nan], [0, 0], [0, 0]], dtype=np.float32)
    probabilities = np.array([[0.3, 0.9], [0.4, 0.1], [0.1, 0.6], [0.2, 0.4]])
    plain = make_table(np.full(4, -1), probabilities)
    table = PredictionTable(
        plain.classes, plain.images, plain.patients, plain.truth, plain.logits, probabilities,
        plain.folds, labels,
    )  # fmt: skip
    point = choose_operating_point(table, probabilities, read_rule("sensitivity>=0.95"), "here")
    # of the second class no image is known to have it: it keeps 0.5
    assert [one.class_name for one in point.thresholds] == ["class 0"]
    decided = point.decide(table.classes, probabilities, is_multilabel=True)
    assert decided.tolist() == [[True, True], [True, False], [False, True], [False, False]]
    assert not point.flag(table.classes, probabilities)[:, 1].any()


def test_no_false_alarm_is_accepted_that_finds_nothing() -> None:
    """All are found from 0.75 on: to flag one of ten without the class too would be allowed."""
    scores = np.array([*np.arange(10) / 20, 0.9, 0.8])
    labels = np.array([0.0] * 10 + [1.0] * 2)
    found = choose_threshold("c", scores, labels, np.arange(12), read_rule("specificity>=0.9"))
    assert found is not None
    assert found.value == pytest.approx((0.45 + 0.8) / 2)
    assert (found.sensitivity.value, found.specificity.value) == (1.0, 1.0)


def test_a_class_of_few_patients_gets_no_threshold_where_so_many_are_asked_for(draw_table) -> None:
    table = draw_table(3, 60, 2)
    labels = np.eye(2, dtype=np.float32)[table.truth]
    rare = np.flatnonzero(labels[:, 1] == 1)[3:]
    labels[rare, 1] = np.nan
    table = replace(table, truth=np.full(table.truth.size, -1), labels=labels)
    rule = read_rule("youden")
    every = choose_operating_point(table, table.probabilities, rule, "here")
    most = choose_operating_point(table, table.probabilities, rule, "here", 10)
    assert [one.class_name for one in every.thresholds] == ["class 0", "class 1"]
    assert most.thresholds == every.thresholds[:1]
