import json
from dataclasses import replace

import pytest

from cxrlens.evaluation import Control
from cxrlens.report import Case, Report
from cxrlens.report.facts import gather_facts
from cxrlens.vocabulary import NOT_A_DEVICE, Estimate, Refusal


def with_aurocs(report: Report, model: float | None, control: float | None) -> Report:
    def estimate(value: float | None) -> Estimate:
        return Estimate(value, None, None, 9, "none")

    evaluation = replace(report.evaluation, macro_auroc=estimate(model))
    return replace(report, evaluation=evaluation, controls=(Control("x", estimate(control)),))


def test_the_notice_stands_first(full: Report) -> None:
    assert next(iter(gather_facts(full).items())) == ("notice", NOT_A_DEVICE)


def test_it_is_strict_json(full: Report) -> None:
    facts = gather_facts(full)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


@pytest.mark.parametrize(
    ("model", "control", "expected"),
    [
        (0.9, 0.84, False),
        (0.9, 0.86, True),
        (0.9, 0.95, True),
        (None, 0.9, False),
        (0.9, None, False),
    ],
)
def test_a_control_near_the_model_is_alarming(
    full: Report, model: float | None, control: float | None, expected: bool
) -> None:
    (row,) = gather_facts(with_aurocs(full, model, control))["controls"]
    assert row["is_alarming"] is expected


def test_the_commonest_class(full: Report) -> None:
    confusion = full.evaluation.confusion.copy()
    confusion[2, 0] += 3 * confusion.sum()
    facts = gather_facts(replace(full, evaluation=replace(full.evaluation, confusion=confusion)))
    expected = confusion[2].sum() / confusion.sum()
    assert facts["commonest_class"] == {"class_name": "covid", "share": pytest.approx(expected)}


def test_cases_tell_without_pixels(full: Report) -> None:
    facts = gather_facts(full)
    for row, case in zip(facts["cases"], full.cases, strict=True):
        assert "pixels" not in row
        assert row["probabilities"][row["decision"]] == row["probability"]
        assert row["probabilities"][row["truth"]] == row["truth_probability"]
        assert row["is_right"] is (case.truth == case.prediction.decision)


def test_refused_and_unlabelled_cases_are_neither_right_nor_wrong(full: Report) -> None:
    case = full.cases[0]
    refused = replace(
        case.prediction, decision=None, probabilities=(), refusal=Refusal("a", "empty", "…")
    )
    cases = (replace(case, prediction=refused), replace(case, truth=None))
    first, second = gather_facts(replace(full, cases=cases))["cases"]
    assert (first["is_right"], first["probability"], first["status"]) == (None, None, "refused")
    assert (second["is_right"], second["truth_probability"]) == (None, None)


def test_of_several_labels_each_that_says_something_is_told(
    several: Report, several_case: Case
) -> None:
    names = several_case.prediction.classes
    told = []
    for labels in ((1, 0, 1, 0), (-1, None, -1, None)):
        case = replace(several_case, labels=dict(zip(names, labels, strict=True)))
        (facts,) = gather_facts(replace(several, cases=(case,)))["cases"]
        told.append(
            [(row["class_name"], row["outcome"], row["is_wrong"]) for row in facts["findings"]]
        )
        assert facts["decisions"] == ["pneumonia", "covid"]
    assert told[0] == [
        ("pneumonia", "found", False),
        ("covid", "false alarm", True),
        ("opacity", "missed", True),
    ]
    assert told[1] == [
        ("pneumonia", "decided for, truth uncertain", False),
        ("covid", "decided for, truth not known", False),
        ("opacity", "not decided for, truth uncertain", False),
    ]


def test_of_several_labels_no_class_is_the_commonest(several: Report) -> None:
    assert gather_facts(several)["commonest_class"] is None
