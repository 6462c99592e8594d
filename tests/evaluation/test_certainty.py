"""Needed positives against the table that people know, scipy, and their own definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from cxrlens.evaluation.certainty import FEWEST_TO_CERTIFY, count_positives_to_certify
from cxrlens.vocabulary import InputError


@pytest.mark.parametrize(
    ("risk", "without", "with_one"),
    [(0.05, 59, 93), (0.02, 149, 236), (0.01, 299, 473), (0.001, 2995, 4742)],
)
def test_the_known_table(risk: float, without: int, with_one: int) -> None:
    assert count_positives_to_certify(risk, 0.05) == without
    assert count_positives_to_certify(risk, 0.05, 1) == with_one


def test_the_fewest_that_the_house_asks_for() -> None:
    assert count_positives_to_certify(0.05, 0.05) == FEWEST_TO_CERTIFY


@given(
    risk=st.floats(0.002, 0.9),
    delta=st.floats(0.001, 0.5),
    misses=st.integers(0, 20),
)
def test_it_is_the_smallest_that_scipy_rejects(risk: float, delta: float, misses: int) -> None:
    needed = count_positives_to_certify(risk, delta, misses)
    assert needed > misses
    assert binom.cdf(misses, needed, risk) <= delta * (1 + 1e-9)
    assert needed == misses + 1 or binom.cdf(misses, needed - 1, risk) > delta * (1 - 1e-9)
    # the same by the upper end of Clopper and Pearson's one-sided interval
    assert beta.ppf(1 - delta, misses + 1, needed - misses) <= risk * (1 + 1e-9)


@given(
    risks=st.tuples(st.floats(0.002, 0.9), st.floats(0.002, 0.9)),
    deltas=st.tuples(st.floats(0.001, 0.5), st.floats(0.001, 0.5)),
    misses=st.integers(0, 5),
)
def test_more_is_needed_for_more(
    risks: tuple[float, float], deltas: tuple[float, float], misses: int
) -> None:
    bold = count_positives_to_certify(max(risks), max(deltas), misses)
    assert count_positives_to_certify(min(risks), max(deltas), misses) >= bold
    assert count_positives_to_certify(max(risks), min(deltas), misses) >= bold
    assert count_positives_to_certify(max(risks), max(deltas), misses + 1) > bold


@pytest.mark.parametrize(
    ("risk", "delta", "misses"), [(0, 0.05, 0), (1, 0.05, 0), (0.05, 1.5, 0), (0.05, 0.05, -1)]
)
def test_what_cannot_be_promised(risk: float, delta: float, misses: int) -> None:
    with pytest.raises(InputError, match=r"; got"):
        count_positives_to_certify(float(risk), float(delta), misses)
