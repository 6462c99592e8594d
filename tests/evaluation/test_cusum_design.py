"""Run lengths against fractions and simulated sums; designs against what is asked of them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.evaluation import design_cusum, find_run_length
from cxrlens.vocabulary import InputError


def solve_slowly(down: int, up: int, limit: int, share: float) -> float:
    """The same equations in fractions, by Gauss and Jordan."""
    p = Fraction(share)
    rows = []
    for s in range(limit):
        row = [Fraction(0)] * limit + [Fraction(1)]
        row[s] += 1
        row[max(s - down, 0)] -= 1 - p
        if s + up < limit:
            row[s + up] -= p
        rows.append(row)
    for i in range(limit):
        pivot = next(j for j in range(i, limit) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [one / rows[i][i] for one in rows[i]]
        for j in range(limit):
            if j != i:
                rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
    return float(rows[0][-1])


@given(
    down=st.integers(1, 4),
    up=st.integers(1, 6),
    limit=st.integers(1, 9),
    share=st.floats(0.05, 0.95),
)
def test_the_second_writing(down: int, up: int, limit: int, share: float) -> None:
    told = find_run_length(down, up, limit, share)
    expected = solve_slowly(down, up, limit, share)
    # the chain loses as many digits as the run length has
    assert told == pytest.approx(expected, rel=max(1e-9, 1e-15 * expected))


def test_one_disagreement_is_enough_for_a_limit_of_one() -> None:
    assert find_run_length(1, 5, 1, 0.25) == pytest.approx(4.0)


@given(
    usual=st.floats(0.02, 0.6),
    more=st.floats(1.3, 3.0),
    run_length=st.floats(1, 20_000),
)
def test_the_smallest_limit_that_reaches_the_run_length(
    usual: float, more: float, run_length: float
) -> None:
    worse = min(usual * more, (1 + usual) / 2)
    told = design_cusum(usual, worse, run_length)
    assert told.run_length >= run_length
    if told.limit > 1:
        assert find_run_length(told.down, told.up, told.limit - 1, usual) < run_length
    assert told.delay <= told.run_length
    # it falls on average before the change, and rises after it
    assert usual * told.up < (1 - usual) * told.down
    assert worse * told.up > (1 - worse) * told.down


@given(st.floats(100, 10_000), st.floats(1.0, 3.0))
def test_seldomer_false_alarms_cost_delay(run_length: float, factor: float) -> None:
    short, long = (design_cusum(0.1, 0.2, one) for one in (run_length, run_length * factor))
    assert long.limit >= short.limit
    assert long.delay >= short.delay


@pytest.mark.parametrize(
    ("usual", "worse", "run_length"),
    [(0.0, 0.2, 100.0), (0.2, 0.2, 100.0), (0.1, 1.0, 100.0), (0.1, 0.2, 0.5),
     (0.1, 0.2, float("nan")), (0.1, 0.2, float("inf")), (0.1, 0.2, 2e9)],
)  # fmt: skip
def test_what_cannot_be_designed(usual: float, worse: float, run_length: float) -> None:
    with pytest.raises(InputError, match="needs 0 < usual < worse < 1"):
        design_cusum(usual, worse, run_length)


def test_too_small_a_change() -> None:
    with pytest.raises(InputError, match="too close to be told apart by a chart"):
        design_cusum(0.2, 0.2001, 1000.0)
    with pytest.raises(InputError, match=r"with a false alarm in 1e\+09 cases"):
        design_cusum(0.2, 0.202, 1e9)
    with pytest.raises(InputError, match="share of 1e-06 is too small"):
        design_cusum(1e-6, 2e-6, 1000.0)


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_run_lengths_of_simulated_sums(share: float) -> None:
    """2,000 sums side by side, each until its alarm."""
    design = design_cusum(0.1, 0.2, 500.0)
    rng = np.random.default_rng(3)
    sums, lengths = np.zeros(2000, dtype=np.int64), np.zeros(2000, dtype=np.int64)
    runs = np.full(2000, True)
    while runs.any():
        differs = rng.random(2000) < share
        sums = np.where(differs, sums + design.up, np.maximum(sums - design.down, 0))
        lengths += runs
        runs &= sums < design.limit
    expected = design.run_length if share == 0.1 else design.delay
    error = lengths.std() / np.sqrt(2000)
    assert lengths.mean() == pytest.approx(expected, abs=3 * error)
