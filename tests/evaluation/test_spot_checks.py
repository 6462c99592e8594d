"""Spot checks against quadrature, in whole fractions, by simulation, and where they end."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from cxrlens.evaluation import judge_spot_checks
from cxrlens.evaluation.spot_checks import MOST_EVIDENCE
from cxrlens.vocabulary import InputError, to_plain


def find_weight(risk: float) -> int:
    return max(round(1 / (5 * risk)), 1)


def write_slowly(n: int, n_wrong: int, risk: float) -> float:
    """The mean likelihood ratio by quadrature, on the scale of the ratio itself."""
    weight = find_weight(risk)

    def ratio(p: float) -> float:
        wrong = n_wrong * math.log(p / risk)
        right = (n - n_wrong) * math.log1p(-p) - (n - n_wrong) * math.log1p(-risk)
        return math.exp(wrong + right) * weight * (1 - p) ** (weight - 1) / (1 - risk) ** weight

    return float(quad(ratio, risk, 1 - 1e-12, limit=500, epsrel=1e-10)[0])


@pytest.mark.parametrize("risk", [0.005, 0.05, 0.3])
@pytest.mark.parametrize(
    ("n", "n_wrong"), [(0, 0), (1, 0), (1, 1), (7, 3), (40, 0), (40, 5), (300, 20)]
)
def test_it_is_the_mean_likelihood_ratio(risk: float, n: int, n_wrong: int) -> None:
    told = judge_spot_checks(np.arange(n) < n_wrong, risk, 0.05)
    assert told.e_value == pytest.approx(write_slowly(n, n_wrong, risk), rel=1e-6)


@given(n=st.integers(0, 60), share=st.floats(0, 1), percent=st.integers(1, 60))
def test_one_case_more_changes_nothing_on_average(n: int, share: float, percent: int) -> None:
    """The martingale, where the true share is just the risk; below it the mean falls."""
    risk, n_wrong = percent / 100, round(n * share)
    now, right, wrong = (
        judge_spot_checks(np.arange(cases) < k, risk, 0.05).e_value
        for cases, k in ((n, n_wrong), (n + 1, n_wrong), (n + 1, n_wrong + 1))
    )
    assert risk * wrong + (1 - risk) * right == pytest.approx(now, rel=1e-9)
    assert wrong > now > right


@given(n=st.integers(1, 400), percent=st.integers(1, 60))
def test_more_wrong_is_more_evidence(n: int, percent: int) -> None:
    told = [
        judge_spot_checks(np.arange(n) < k, percent / 100, 0.05).e_value
        for k in range(0, n + 1, max(n // 9, 1))
    ]
    assert all(a < b or a == b == MOST_EVIDENCE for a, b in pairwise(told))


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 40))
def test_broken_is_what_anyone_would_have_seen_who_looked_each_time(
    answers: list[bool], percent: int
) -> None:
    is_wrong, risk = np.array(answers, dtype=bool), percent / 100
    seen = [
        judge_spot_checks(is_wrong[:end], risk, 0.05).e_value for end in range(1, len(answers) + 1)
    ]
    first = next((case for case, one in enumerate(seen, 1) if one >= 20), None)
    told = judge_spot_checks(is_wrong, risk, 0.05)
    assert told.broken_at == first
    assert told.is_broken == (first is not None)
    assert told.e_value == (seen[-1] if seen else 1.0)


def test_two_wrong_cases_in_fractions() -> None:
    """By hand: b = 4 at a risk of 5 %; ∫ p² (1 - p)³ dp is 1/60 less a polynomial."""
    risk = Fraction(1, 20)
    integral = Fraction(1, 60) - sum(
        Fraction(math.comb(3, j) * (-1) ** j, j + 3) * risk ** (j + 3) for j in range(4)
    )
    expected = 4 * integral / (1 - risk) ** 4 / risk**2
    told = judge_spot_checks(np.array([True, True]), 0.05, 0.05)
    assert told.e_value == pytest.approx(float(expected), rel=1e-12)
    assert told.broken_at == 2


def test_a_kept_promise_is_seldom_called_broken() -> None:
    """Looked at after every case, at the very edge of what is promised, for 400 cases."""
    runs, delta = 1500, 0.1
    for risk, true in ((0.05, 0.05), (0.1, 0.1), (0.05, 0.025)):
        rng = np.random.default_rng([1, round(1000 * risk), round(1000 * true)])
        n_broken = sum(
            judge_spot_checks(rng.random(400) < true, risk, delta).is_broken for _ in range(runs)
        )
        assert binomtest(n_broken, runs, delta, "greater").pvalue > 0.01
        if true == risk:
            assert n_broken > runs * delta / 4  # it does test something


def test_a_broken_promise_is_found() -> None:
    rng = np.random.default_rng(2)
    at = [judge_spot_checks(rng.random(300) < 0.25, 0.05, 0.05).broken_at for _ in range(200)]
    assert all(at)
    assert 8 <= np.median([one or 999 for one in at]) <= 20


def test_what_is_said() -> None:
    none = judge_spot_checks(np.zeros(0, dtype=bool), 0.05, 0.05)
    assert (none.n, none.n_wrong, none.rate.value, none.e_value) == (0, 0, None, 1.0)
    assert str(none) == (
        "no drawn patient at stake was read yet: nothing is known of the promise of at most 5 %"
    )
    fine = judge_spot_checks(np.arange(100) == 7, 0.05, 0.05)
    ends = proportion_confint(1, 100, method="wilson")
    assert (fine.rate.low, fine.rate.high) == pytest.approx(ends)
    assert "1 of 100 drawn patients at stake were decided wrongly" in str(fine)
    assert "is not shown to be broken (evidence 0." in str(fine)
    assert "does not show that it is kept" in str(fine)
    bad = judge_spot_checks(np.arange(100) < 8, 0.05, 0.05)
    assert "the promise of at most 5 % is broken, as case 2 of them showed" in str(bad)
    assert isinstance(to_plain(bad), dict)


def test_later_right_cases_mend_nothing() -> None:
    told = judge_spot_checks(np.arange(5000) < 8, 0.05, 0.05)
    assert told.e_value < 0.01
    assert told.is_broken


def test_very_many_cases_stay_numbers() -> None:
    n = 200_000
    none = judge_spot_checks(np.zeros(n, dtype=bool), 0.05, 0.05)
    # hardly any p above the risk counts, so that ∫ exp(-n (p - risk) / (1 - risk)) is left
    assert none.e_value == pytest.approx(4 / n, rel=0.01)
    assert judge_spot_checks(np.ones(2000, dtype=bool), 0.01, 0.05).e_value == MOST_EVIDENCE


@pytest.mark.parametrize(("risk", "delta"), [(0.0, 0.05), (1.0, 0.05), (0.05, 0.0), (0.05, 1.0)])
def test_what_cannot_be_promised(risk: float, delta: float) -> None:
    with pytest.raises(InputError, match="lies between 0 and 1; got"):
        judge_spot_checks(np.array([True]), risk, delta)
