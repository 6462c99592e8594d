"""Turns are taken by turns, and every figure stands beside another."""

import numpy as np
import pytest

from cxrlens.benchmark import race
from cxrlens.vocabulary import InputError


def test_in_turns_and_the_first_does_not_count() -> None:
    order: list[str] = []
    seconds = {"a": iter([9, 1, 2, 4, 8]), "b": iter([9, 2, 4, 8, 16])}
    now = 0.0

    def work(name: str) -> int:
        nonlocal now
        order.append(name)
        now += next(seconds[name])
        return 8

    rates = race({"a": lambda: work("a"), "b": lambda: work("b")}, 4, lambda: now)
    assert order == ["a", "b"] * 5
    assert rates["a"].turns == (8.0, 4.0, 2.0, 1.0)
    np.testing.assert_allclose(rates["a"].per_second, np.quantile([8, 4, 2, 1], [0.25, 0.5, 0.75]))
    # A machine that slows down strikes both: the ratio does not move.
    assert rates["a"].over(rates["b"]) == (2.0, 2.0, 2.0)
    assert rates["b"].over(rates["a"]) == (0.5, 0.5, 0.5)


def test_processor_time_is_told_beside_the_clock() -> None:
    used = 0.0

    def work(seconds: float) -> int:
        nonlocal used
        used += seconds
        return 6

    sides = {"a": lambda: work(2.0), "b": lambda: work(3.0)}
    rates = race(sides, 3, processor=lambda: used)
    assert rates["a"].on_processor == (3.0, 3.0, 3.0)
    assert rates["a"].on_processor_over(rates["b"]) == (1.5, 1.5, 1.5)


def test_too_few() -> None:
    with pytest.raises(InputError, match="3 repeats or more; got 2"):
        race({"a": lambda: 1}, 2)
