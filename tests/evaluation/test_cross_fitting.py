"""No case has a part in its own probability."""

from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation.cross_fitting import PARTS, cross_fit, deal_parts
from cxrlens.evaluation.operating_rule import read_rule
from cxrlens.evaluation.scaling_fit import fit_scaling
from cxrlens.vocabulary import TableError


def test_a_label_changes_nothing_in_its_own_part(draw_table) -> None:
    table = draw_table(0, 120, 2)
    parts, before = deal_parts(table), cross_fit(table, rule=read_rule("youden"))
    for row in (0, 7, 50):
        truth = table.truth.copy()
        truth[row] = 1 - truth[row]
        after = cross_fit(replace(table, truth=truth), rule=read_rule("youden"))
        same = parts == parts[row]
        assert np.array_equal(after.probabilities[same], before.probabilities[same])
        assert np.array_equal(after.flagged[same], before.flagged[same])
        assert not np.array_equal(after.probabilities[~same], before.probabilities[~same])


def test_each_part_is_what_the_others_fit(draw_table) -> None:
    table = draw_table(1, 100, 3)
    parts, fitted = deal_parts(table), cross_fit(table, "vector")
    labels = np.eye(3, dtype=np.float32)[table.truth]
    for part in range(PARTS):
        others = parts != part
        scaling = fit_scaling(table.logits[others], labels[others], "vector", is_multilabel=False)
        assert fitted.probabilities[~others] == pytest.approx(scaling.apply(table.logits[~others]))
    assert fitted.methods == {"vector": PARTS}


def test_patients_stay_together_within_their_fold(draw_table) -> None:
    table = draw_table(2, 100, 2)
    parts = deal_parts(table)
    for patient in set(table.patients):
        assert len({int(parts[i]) for i, p in enumerate(table.patients) if p == patient}) == 1
    assert sorted(set(parts.tolist())) == list(range(PARTS))


def test_models_of_different_folds_are_never_mixed(draw_table) -> None:
    table = draw_table(3, 200, 2)
    folds = np.array([int(str(p)[1:]) % 2 for p in table.patients])
    both = replace(table, folds=folds)
    # the model of the second fold gives logits ten times as large
    logits = np.where(folds[:, None] == 1, 10.0, 1.0) * table.logits
    mixed = cross_fit(replace(both, logits=logits), "temperature")
    plain = cross_fit(both, "temperature")
    first = folds == 0
    assert np.array_equal(mixed.probabilities[first], plain.probabilities[first])
    # but for the weak prior the scale of ten is undone
    assert mixed.probabilities[~first] == pytest.approx(plain.probabilities[~first], abs=0.01)


def test_the_method_follows_the_number_of_cases(draw_table) -> None:
    assert cross_fit(draw_table(4, 30, 2)).methods == {"temperature": PARTS}
    assert cross_fit(draw_table(4, 300, 2)).methods == {"vector": PARTS}


def test_cases_without_a_truth_get_a_probability_and_fit_nothing(draw_table) -> None:
    table = draw_table(5, 100, 2)
    truth = table.truth.copy()
    truth[:3] = -1
    fitted = cross_fit(replace(table, truth=truth))
    assert np.isfinite(fitted.probabilities).all()
    assert fitted.probabilities.sum(axis=1) == pytest.approx(np.ones(len(truth)))


def test_too_few_of_a_class_says_how_many_are_needed(draw_table) -> None:
    table = draw_table(6, 12, 2)
    with pytest.raises(TableError, match="10 patients with and 10 without"):
        cross_fit(table)
