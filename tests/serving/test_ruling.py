"""A case is decided where certified rules settle every class, and referred everywhere else.

SPDX-License-Identifier: Apache-2.0
"""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.serving.ruling import Outputs, Reservation, Rule, join, rule, settles_all

TWO = Outputs(("normal", "pneumonia"), is_multilabel=False)
THREE = Outputs(("covid", "normal", "pneumonia"), is_multilabel=False)
FREE = Outputs(("edema", "pneumothorax"), is_multilabel=True)

RULES = st.builds(
    Rule,
    finding=st.sampled_from(THREE.classes),
    decides=st.sampled_from(("negative", "positive")),
    threshold=st.sampled_from((0.1, 0.3, 0.5, 0.7)),
)
SCORES = st.fixed_dictionaries(
    {name: st.sampled_from((0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.9)) for name in THREE.classes}
)


def _settle_slowly(
    outputs: Outputs, scores: dict[str, float], rules: list[Rule]
) -> dict[str, bool] | None:
    """The one world that all rules allow, if there is exactly one."""
    worlds = [
        dict(zip(outputs.classes, told, strict=True))
        for told in product((False, True), repeat=len(outputs.classes))
        if outputs.is_multilabel or sum(told) == 1
    ]
    for one in rules:
        score = scores[one.finding]
        if one.decides == "negative" and score < one.threshold:
            worlds = [world for world in worlds if not world[one.finding]]
        if one.decides == "positive" and score > one.threshold:
            worlds = [world for world in worlds if world[one.finding]]
    return worlds[0] if len(worlds) == 1 else None


@given(scores=SCORES, rules=st.lists(RULES, max_size=5), is_multilabel=st.booleans())
def test_decides_exactly_where_one_world_is_left(
    scores: dict[str, float], rules: list[Rule], is_multilabel: bool
) -> None:
    outputs = Outputs(THREE.classes, is_multilabel)
    found = rule(outputs, scores, rules)
    assert found.findings == _settle_slowly(outputs, scores, rules)
    assert (found.reason is None) == (found.findings is not None)
    assert found.reason in {None, "not-confident", "policy"}


@given(scores=SCORES, rules=st.lists(RULES, max_size=5))
def test_a_reservation_refers_whatever_the_scores(
    scores: dict[str, float], rules: list[Rule]
) -> None:
    first = Reservation("quality", "the picture is cropped")
    found = rule(THREE, scores, rules, [first, Reservation("view", "a side view")])
    assert (found.findings, found.reason, found.words) == (None, "quality", first.words)


def test_words_name_the_number_and_the_threshold() -> None:
    low = {"normal": 0.988, "pneumonia": 0.012}
    found = rule(TWO, low, [Rule("pneumonia", "negative", 0.034)])
    assert found.findings == {"normal": True, "pneumonia": False}
    assert found.words == "no pneumonia: 0.012 is below 0.034"
    high = {"normal": 0.5, "pneumonia": 0.5}
    found = rule(TWO, high, [Rule("pneumonia", "negative", 0.034)])
    assert (found.reason, found.words) == ("not-confident", "pneumonia: 0.5 is above 0.034")


def test_without_a_rule_nothing_is_decided() -> None:
    found = rule(TWO, {"normal": 1.0, "pneumonia": 0.0}, [])
    assert (found.findings, found.reason) == (None, "policy")


def test_threshold_itself_is_referred() -> None:
    at = {"normal": 0.966, "pneumonia": 0.034}
    assert rule(TWO, at, [Rule("pneumonia", "negative", 0.034)]).findings is None
    assert rule(TWO, at, [Rule("pneumonia", "positive", 0.034)]).findings is None


@given(score=st.floats(0, 1), cut=st.floats(0, 1))
def test_joined_rules_leave_nothing_between_them(score: float, cut: float) -> None:
    rules = join(Rule("pneumonia", "negative", 0.5), cut)
    found = rule(TWO, {"normal": 1 - score, "pneumonia": score}, rules)
    assert found.findings is not None
    assert found.findings["pneumonia"] == (score >= cut)


@pytest.mark.parametrize(
    ("outputs", "findings", "expected"),
    [
        (TWO, ["pneumonia"], True),
        (THREE, ["pneumonia"], False),
        (THREE, ["pneumonia", "covid"], False),
        (FREE, ["edema"], False),
        (FREE, ["edema", "pneumothorax"], True),
        (TWO, [], False),
    ],
)
def test_full_needs_rules_that_settle_every_case(
    outputs: Outputs, findings: list[str], expected: bool
) -> None:
    rules = [one for name in findings for one in join(Rule(name, "negative", 0.5), 0.5)]
    assert settles_all(outputs, rules) == expected
    assert not settles_all(outputs, [Rule(name, "negative", 0.5) for name in findings])
