"""Operating points counted again, slowly; how sure anyone can be."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from cxrlens.evaluation.certainty import FEWEST_TO_CERTIFY, count_needed_positives
from cxrlens.evaluation.operating_report import judge_operating
from cxrlens.evaluation.operating_rule import read_rule
from cxrlens.evaluation.proportions import find_wilson_ends
from cxrlens.evaluation.threshold_choice import choose_operating_point
from cxrlens.vocabulary import ARGMAX, OperatingPoint, PredictionTable, TableError


def count(table: PredictionTable, level: np.ndarray) -> dict[str, float]:
    """Sensitivity, specificity, PPV and NPV of the second class, case by case."""
    found = missed = alarms = left = 0
    for truth, row, threshold in zip(table.truth, table.probabilities, level, strict=True):
        if row[1] >= threshold:
            found, alarms = found + (truth == 1), alarms + (truth == 0)
        else:
            missed, left = missed + (truth == 1), left + (truth == 0)
    return {
        "sensitivity": found / (found + missed),
        "specificity": left / (left + alarms),
        "ppv": found / (found + alarms),
        "npv": left / (left + missed),
    }


def test_the_plain_decision_of_two_classes_is_a_threshold_of_a_half(draw_table) -> None:
    table = draw_table(0, 200, 2)
    report = judge_operating(table, [ARGMAX])
    (one,) = report.per_class
    assert (one.class_name, one.thresholds, one.chosen) == ("class 1", (0.5,), ())
    for name, value in count(table, np.full(len(table.truth), 0.5)).items():
        assert getattr(one, name).value == pytest.approx(value)
    assert report.is_deciding


def test_each_fold_is_flagged_by_its_own_threshold(draw_table) -> None:
    table = draw_table(1, 200, 2)
    folds = np.array([int(str(p)[1:]) % 2 for p in table.patients])
    table = replace(table, folds=folds)
    rule = read_rule("sensitivity>=0.9")
    points = [
        choose_operating_point(other := draw_table(seed, 100, 2), other.probabilities, rule, "val")
        for seed in (2, 3)
    ]
    levels = [point.thresholds[0].value for point in points]
    assert levels[0] != levels[1]
    (one,) = judge_operating(table, points).per_class
    assert one.thresholds == tuple(levels)
    for name, value in count(table, np.array(levels)[folds]).items():
        assert getattr(one, name).value == pytest.approx(value)
    assert [chosen.sensitivity.value >= 0.9 for chosen in one.chosen] == [True, True]
    assert all("in-sample" in chosen.sensitivity.method for chosen in one.chosen)
    assert "in-sample" not in one.sensitivity.method


def test_thresholds_are_held_against_calibrated_probabilities(draw_table) -> None:
    table = draw_table(4, 150, 2)
    point = choose_operating_point(table, table.probabilities, read_rule("youden"), "val")
    halved = np.stack([1 - table.probabilities[:, 1] / 2, table.probabilities[:, 1] / 2], axis=1)
    (plain,) = judge_operating(table, [point]).per_class
    (other,) = judge_operating(replace(table, calibrated=halved), [point]).per_class
    assert other.sensitivity.value < plain.sensitivity.value


def test_more_classes_without_thresholds_are_judged_by_the_decision(draw_table) -> None:
    table = draw_table(5, 150, 3)
    report = judge_operating(table, [ARGMAX])
    decided = table.probabilities.argmax(axis=1)
    assert [one.thresholds for one in report.per_class] == [(), (), ()]
    for index, one in enumerate(report.per_class):
        assert one.sensitivity.value == pytest.approx(
            (decided[table.truth == index] == index).mean()
        )
    point = choose_operating_point(table, table.probabilities, read_rule("youden"), "val")
    assert not judge_operating(table, [point]).is_deciding


def test_none_flagged_has_no_ppv(draw_table) -> None:
    table = draw_table(6, 60, 2)
    point = choose_operating_point(table, table.probabilities, read_rule("youden"), "val")
    never = OperatingPoint("youden", "val", (replace(point.thresholds[0], value=1.0),), "youden")
    (one,) = judge_operating(table, [never]).per_class
    assert one.ppv.value is None
    assert one.sensitivity.value == 0


def test_fifty_nine_found_of_fifty_nine_rule_out_a_miss_rate_of_five_per_cent() -> None:
    n = FEWEST_TO_CERTIFY
    assert binomtest(0, n, 0.05, alternative="less").pvalue < 0.05
    assert binomtest(0, n - 1, 0.05, alternative="less").pvalue > 0.05


@pytest.mark.parametrize(("seen", "wanted"), [(0.98, 0.95), (1.0, 0.95), (0.93, 0.9), (0.6, 0.3)])
def test_so_many_positives_and_not_one_fewer(seen: float, wanted: float) -> None:
    needed = count_needed_positives(seen, wanted)
    assert needed is not None
    assert find_wilson_ends(seen, float(needed))[0] >= wanted - 1e-12
    assert find_wilson_ends(seen, float(needed - 1))[0] < wanted
    assert count_needed_positives(wanted, wanted) is None


def test_how_many_more_positives_are_needed(draw_table) -> None:
    table = draw_table(7, 60, 2, signal=4.0)
    point = choose_operating_point(table, table.probabilities, read_rule("sensitivity>=0.5"), "v")
    sure = replace(point, threshold_rule="sensitivity>=0.1")
    assert judge_operating(table, [sure]).per_class[0].more_positives == 0
    strict = replace(point, threshold_rule="sensitivity>=0.999")
    assert judge_operating(table, [strict]).per_class[0].more_positives is None
    (one,) = judge_operating(table, [point]).per_class
    bound = round(one.sensitivity.low + 0.01, 3)
    near = replace(point, threshold_rule=f"sensitivity>={bound}")
    if one.sensitivity.value > bound:
        assert judge_operating(table, [near]).per_class[0].more_positives >= 1


def test_a_model_without_a_threshold_is_not_taken_for_one_that_misses_all(draw_table) -> None:
    table = draw_table(1, 200, 2)
    table = replace(table, folds=np.array([int(str(p)[1:]) % 2 for p in table.patients]))
    rule = read_rule("sensitivity>=0.9")
    chosen = choose_operating_point(table, table.probabilities, rule, "val")
    assert judge_operating(table, [chosen, chosen]).per_class
    none = replace(chosen, thresholds=())
    assert judge_operating(table, [chosen, none]).per_class == ()
    with pytest.raises(TableError, match="got 3 for 2 folds"):
        judge_operating(table, [chosen] * 3)
