"""Means over classes.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.macro import MacroDraws, estimate_macro

SURE = Figure(0.8, 0.7, 0.9, 100, 100, False, "")
LEAN = Figure(1.0, 0.9, 1.0, 100, 100, True, "")
DRAWS = np.linspace(0.85, 0.95, 1001)


def test_percentiles_of_the_draws() -> None:
    estimate = estimate_macro(0.9, MacroDraws([SURE, SURE], DRAWS, False), 200, 100, [])
    assert (estimate.low, estimate.high) == pytest.approx((0.8525, 0.9475))
    assert (estimate.value, estimate.n) == (0.9, 200)
    assert "left out" not in estimate.method


@pytest.mark.parametrize(
    ("is_shared", "low", "high"),
    [(False, 0.9 - np.hypot(0.1, 0.1) / 2, 0.95), (True, 0.8, 0.95)],
)
def test_a_lean_class_widens(is_shared: bool, low: float, high: float) -> None:
    known = MacroDraws([SURE, LEAN], np.full(100, 0.9), is_shared)
    estimate = estimate_macro(0.9, known, 200, 100, [])
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert "widened" in estimate.method


def test_a_perfect_model_is_not_certain() -> None:
    known = MacroDraws([LEAN, LEAN], np.ones(100), True)
    estimate = estimate_macro(1.0, known, 200, 100, [])
    assert (estimate.low, estimate.high) == pytest.approx((0.9, 1.0))


@pytest.mark.parametrize(("patients", "is_shown"), [(4, False), (5, True)])
def test_a_class_with_few_patients_forbids_an_interval(patients: int, is_shown: bool) -> None:
    estimate = estimate_macro(0.9, MacroDraws([SURE], DRAWS, False), 9, patients, ["covid"])
    assert (estimate.low is not None) == is_shown
    assert "covid" in estimate.method


def test_without_draws_there_is_no_interval() -> None:
    estimate = estimate_macro(0.9, MacroDraws([SURE], np.zeros(0), False), 9, 90, [])
    assert estimate.low is None


def test_the_value_lies_inside() -> None:
    estimate = estimate_macro(0.99, MacroDraws([SURE], DRAWS, False), 9, 90, [])
    assert estimate.high == 0.99
