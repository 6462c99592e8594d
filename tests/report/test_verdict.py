"""What is said in words is what the interval and the test say."""

from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation import Difference, PairedFigure
from cxrlens.evaluation.cases_needed import CasesNeeded
from cxrlens.report import tell_verdict
from cxrlens.vocabulary import Estimate


def figure(low: float | None, high: float | None, p_value: float | None = 0.01) -> PairedFigure:
    value = 0.1 if low is None or high is None else (low + high) / 2
    told = Difference(Estimate(value, low, high, 90, "no interval: three patients"), p_value)
    some = Estimate(0.8, 0.7, 0.9, 90, "t")
    needed = CasesNeeded(0.02, 1234, 2468)
    return PairedFigure("AUROC", None, some, some, told, None, None, p_value, None, needed, None)


@pytest.mark.parametrize(
    ("ends", "p_value", "said"),
    [
        ((0.03, 0.07), 0.001, "AUROC: A is better by 0.050 (0.030 to 0.070)."),
        ((-0.07, -0.03), 0.001, "AUROC: B is better by 0.050 (0.030 to 0.070)."),
        ((0.03, 0.07), None, "AUROC: A is better by 0.050 (0.030 to 0.070)."),
        ((0.01, 0.05), 0.01, "leaves open whether it is 0.02 or more."),
        ((0.005, 0.015), 0.01, "which is less than 0.02, the smallest difference of interest."),
        ((-0.015, 0.01), 0.7, "AUROC: no difference of 0.02 or more, the smallest of interest"),
        ((-0.05, 0.03), 0.7,
         "AUROC: cannot tell: up to A better by 0.030 or B better by 0.050 fits (the interval "
         "reaches ±0.040). To find a true difference of 0.02 with 80 % power it takes about 1,234 "
         "patients (2,468 images)."),
        ((0.001, 0.05), 0.06, "the interval leaves 0 out, the test does not (p = 0.060)"),
        ((None, None), None, "AUROC: cannot tell: three patients."),
    ],
)  # fmt: skip
def test_verdicts(ends: tuple[float | None, float | None], p_value: float, said: str) -> None:
    assert said in tell_verdict(figure(*ends, p_value), 0.02)


def test_what_is_not_known_is_not_told() -> None:
    one = replace(figure(-0.05, 0.03, 0.7), needed=None)
    assert "Too few patients tell the models apart" in tell_verdict(one, 0.02)
    undefined = Difference(Estimate(None, None, None, 0, "not defined: no fold has both"), None)
    told = tell_verdict(replace(one, difference=undefined), 0.02)
    assert told == "AUROC: not defined (no fold has both)."


def test_never_both_better_and_in_doubt() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        low, high = sorted(rng.normal(0, 0.03, 2))
        told = tell_verdict(figure(float(low), float(high), float(rng.random() * 0.1)), 0.02)
        said = [part in told for part in ("is better by", "no difference of", "cannot tell")]
        assert sum(said) == 1
