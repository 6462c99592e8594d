"""Mistakes by what was taken for what.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

from cxrlens.report import Case, Report
from cxrlens.report.directions import find_direction, list_directions


def test_every_mistake_stands_in_its_direction(full: Report) -> None:
    directions = list_directions(full)
    places = sorted(place for one in directions for place in one.mistakes)
    assert places == list(range(len(full.mistakes)))
    confusion = full.evaluation.confusion
    assert confusion is not None
    for direction in directions:
        case = full.mistakes[direction.mistakes[0]]
        truth, decision = case.truth or "", case.prediction.decision or ""
        assert direction.name == f"{truth} taken for {decision}"
        row = full.evaluation.classes.index(truth)
        column = full.evaluation.classes.index(decision)
        assert (direction.n_images, direction.n_of) == (
            confusion[row, column],
            confusion[row].sum(),
        )
    counts = [one.n_images or 0 for one in directions]
    assert counts == sorted(counts, reverse=True)


def test_of_several_labels_the_worst_class_counts(several: Report, several_case: Case) -> None:
    assert find_direction(several_case) == ("opacity", "missed")
    alarm = replace(several_case, labels={"pneumonia": 0, "covid": 0, "opacity": 0, "effusion": 0})
    assert find_direction(alarm) == ("pneumonia", "false alarm")
    (direction,) = list_directions(replace(several, mistakes=(alarm,)))
    outcomes = several.evaluation.per_class[0].outcomes
    assert direction.name == "false alarm of pneumonia"
    assert direction.n_images == outcomes.false_positives
    assert direction.n_of == outcomes.false_positives + outcomes.true_negatives
