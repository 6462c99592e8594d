"""What is right and wrong about a case, worked by hand.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import pytest

from cxrlens.report import Case
from cxrlens.vocabulary import Refusal


@pytest.mark.parametrize(
    ("labels", "wrong", "truths"),
    [
        # decided for pneumonia (0.95) and covid (0.6), not for opacity (0.3) and effusion (0.1)
        ((1, 1, 0, 0), (), ("pneumonia", "covid")),
        ((0, 0, 1, 1), ("pneumonia", "effusion", "opacity", "covid"), ("opacity", "effusion")),
        ((1, 0, 1, 0), ("opacity", "covid"), ("pneumonia", "opacity")),
        ((-1, None, -1, None), (), ()),
        ((0, -1, None, 0), ("pneumonia",), ()),
    ],
)
def test_of_several_labels_only_what_is_known_can_be_wrong(
    several_case: Case, labels: tuple[int | None, ...], wrong: tuple[str, ...], truths: object
) -> None:
    known = dict(zip(several_case.prediction.classes, labels, strict=True))
    case = replace(several_case, labels=known)
    assert case.wrong == wrong
    assert case.truths == truths
    assert case.is_right is (wrong == ())


def test_without_a_label_or_an_answer_a_case_is_neither_right_nor_wrong(
    several_case: Case,
) -> None:
    assert replace(several_case, truth=None).is_right is None
    refused = replace(
        several_case.prediction,
        decision=None,
        decisions=(),
        probabilities=(),
        refusal=Refusal("a.png", "empty", "…"),
    )
    case = replace(several_case, prediction=refused)
    assert case.is_right is None
    assert case.wrong == ()


def test_of_one_class_an_image_nothing_is_told_class_by_class(cases: tuple[Case, ...]) -> None:
    assert {case.is_right for case in cases} == {True, False}
    for case in cases:
        assert case.wrong == ()
        assert case.truths == (case.truth,)
    assert replace(cases[0], truth=None).truths == ()
