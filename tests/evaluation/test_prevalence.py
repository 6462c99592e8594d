"""Figures at another prevalence against published examples, and their intervals by simulation."""

from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation.operating_report import ClassOperating
from cxrlens.evaluation.prevalence import rebase
from cxrlens.evaluation.proportions import find_wilson_ends
from cxrlens.vocabulary import Estimate, InputError


def make(found: int, n_ill: int, left: int, n_well: int, level: float = 0.5) -> ClassOperating:
    """An operating point with so many of the ill found and of the well left alone."""

    def estimate(hits: int, n: int) -> Estimate:
        return Estimate(hits / n, *find_wilson_ends(hits / n, float(n)), n, "Wilson")

    undefined = Estimate(None, None, None, 0, "not asked for")
    return ClassOperating(
        "ill", (level,), (), estimate(found, n_ill), estimate(left, n_well), undefined, undefined,
        n_ill, n_well, n_ill, None,
    )  # fmt: skip


def test_the_liver_scans_of_altman_and_bland() -> None:
    """BMJ 1994;309:102: 231 of 258 abnormal and 54 of 86 normal livers are seen as such."""
    here = rebase(make(231, 258, 54, 86), 258 / 344)
    assert here.ppv.value == pytest.approx(231 / 263)
    assert here.npv.value == pytest.approx(54 / 81)
    quarter = rebase(make(231, 258, 54, 86), 0.25)
    assert f"{quarter.ppv.value:.2f} {quarter.npv.value:.2f}" == "0.45 0.95"


def test_a_difference_of_two_proportions_of_newcombe() -> None:
    """Stat Med 1998;17:873-890, Table II, method 10: 56/70 less 48/80 is 0.0524 to 0.3339.

    At even odds the net benefit is half of sensitivity less false alarms.
    """
    report = rebase(make(56, 70, 32, 80), 0.5)
    ends = [2 * report.net_benefit.low, 2 * report.net_benefit.high]
    assert ends == pytest.approx([0.0524, 0.3339], abs=5e-5)
    assert report.net_benefit_of_all.value == pytest.approx(0)


def test_counted_out_among_ten_thousand() -> None:
    report = rebase(make(90, 100, 160, 200, level=0.1), 0.02)
    ill, well = 200, 9800
    found, alarms = 0.9 * ill, 0.2 * well
    assert report.ppv.value == pytest.approx(found / (found + alarms))
    assert report.npv.value == pytest.approx(0.8 * well / (0.8 * well + 0.1 * ill))
    assert report.alerts_per_100.value == pytest.approx((found + alarms) / 100)
    assert report.number_needed_to_read.value == pytest.approx((found + alarms) / found)
    assert report.net_benefit.value == pytest.approx((found - alarms / 9) / 10_000)
    assert report.net_benefit_of_all.value == pytest.approx((ill - well / 9) / 10_000)
    assert "carry over" in report.assumption
    assert "carry over" in report.ppv.method


@pytest.mark.parametrize("name", ["ppv", "npv", "alerts_per_100", "number_needed_to_read",
                                  "net_benefit"])  # fmt: skip
def test_the_intervals_cover(name: str) -> None:
    rng = np.random.default_rng(0)
    sensitivity, specificity, n_ill, n_well = 0.9, 0.8, 120, 300
    truth = rebase(make(900, 1000, 800, 1000, level=0.2), 0.1)
    wanted, inside = getattr(truth, name).value, 0
    for _ in range(1000):
        found, left = rng.binomial(n_ill, sensitivity), rng.binomial(n_well, specificity)
        drawn = getattr(rebase(make(int(found), n_ill, int(left), n_well, level=0.2), 0.1), name)
        inside += drawn.low <= wanted <= drawn.high
    assert 930 <= inside <= 975


def test_none_missed_and_no_false_alarm_still_have_ends() -> None:
    report = rebase(make(40, 40, 60, 60), 0.1)
    assert report.ppv.value == report.npv.value == 1
    assert 0.3 < report.ppv.low < 0.9
    assert report.ppv.high == 1
    assert report.number_needed_to_read.value == 1


def test_none_found() -> None:
    report = rebase(make(0, 40, 50, 60), 0.1)
    assert report.number_needed_to_read.value is None
    assert report.ppv.value is None or report.ppv.value == 0


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_prevalence_lies_between_0_and_1(prevalence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        rebase(make(9, 10, 9, 10), prevalence)


@pytest.mark.parametrize("side", ["sensitivity", "specificity"])
def test_no_interval_of_one_side_is_none_of_what_follows(side: str) -> None:
    """Three patients give no interval; from 0 to 1 would look like one that was measured."""
    point = make(3, 4, 80, 100)
    open_ended = replace(getattr(point, side), low=None, high=None)
    report = rebase(replace(point, **{side: open_ended}), 0.1)
    for name in ("ppv", "npv", "number_needed_to_read", "alerts_per_100", "net_benefit"):
        told = getattr(report, name)
        assert told.value is not None
        assert (told.low, told.high) == (None, None), name


def test_where_none_is_flagged_there_is_no_ppv() -> None:
    none, everyone = rebase(make(0, 20, 100, 100), 0.1), rebase(make(20, 20, 0, 100), 0.1)
    assert none.ppv.value is None
    assert none.npv.value == pytest.approx(0.9)
    assert everyone.npv.value is None
    assert everyone.ppv.value == pytest.approx(0.1)
    assert rebase(make(0, 20, 90, 100), 0.1).ppv.value == 0
