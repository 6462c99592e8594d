"""Distances to neighbours and their p-values, against a slow second writing and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from cxrlens.evaluation import (
    find_conformal_p_values,
    measure_neighbour_distances,
    scale_to_unit,
)


def write_slowly(query: list[float], bank: list[list[float]], k: int) -> float:
    def unit(row: list[float]) -> list[float]:
        length = math.sqrt(sum(value**2 for value in row))
        return [value / length for value in row]

    ours = unit(query)
    found = [math.sqrt(sum((a - b) ** 2 for a, b in zip(ours, unit(one), strict=True)))
             for one in bank]  # fmt: skip
    return sorted(found)[k - 1]


@pytest.mark.parametrize("k", [1, 3, 40])
def test_the_second_writing_and_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(k)
    # as after a rectifier: many zeros, scales that differ by orders
    bank, queries = (np.maximum(rng.normal(size=(n, 24)), 0.01) ** 3 for n in (40, 9))
    queries *= 10.0 ** rng.integers(-6, 7, size=(9, 1))
    found = measure_neighbour_distances(scale_to_unit(queries), scale_to_unit(bank), k)
    slow = [write_slowly(row, bank.tolist(), k) for row in queries.tolist()]
    assert found == pytest.approx(slow, abs=1e-4)
    judge = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(scale_to_unit(bank))
    assert found == pytest.approx(judge.kneighbors(scale_to_unit(queries))[0][:, -1], abs=1e-4)


def test_an_image_of_the_bank_has_no_distance_to_itself() -> None:
    bank = scale_to_unit(np.random.default_rng(0).random((30, 512)))
    rounded = bank.astype(np.float16).astype(np.float32)
    assert measure_neighbour_distances(bank, rounded, 1).max() < 2e-3


def test_what_is_not_finite_is_infinitely_far_and_zeros_are_not() -> None:
    bank = scale_to_unit(np.eye(3))
    bad = np.array([[np.nan, 0, 0], [np.inf, 1, 0], [-np.inf, np.inf, 0], [0, 0, 0], [1e38, 0, 0]])
    found = measure_neighbour_distances(scale_to_unit(bad), bank, 1)
    assert found.tolist() == [math.inf, math.inf, math.inf, 1.0, 0.0]
    p_values = find_conformal_p_values(found, np.array([0.1, 0.2, 0.3]))
    assert p_values.tolist() == [0.25, 0.25, 0.25, 0.25, 1.0]


numbers = st.integers(0, 5).map(float)


@given(st.lists(numbers, min_size=1, max_size=30), numbers)
def test_p_values_by_counting(calibrating: list[float], distance: float) -> None:
    n_as_far = sum(one >= distance for one in calibrating)
    (found,) = find_conformal_p_values(np.array([distance]), np.sort(np.array(calibrating)))
    assert found == (1 + n_as_far) / (len(calibrating) + 1)
    assert 0 < found <= 1


@given(st.lists(numbers, min_size=2, max_size=30), st.integers(1, 20))
def test_the_promise_holds_for_any_numbers(values: list[float], part: int) -> None:
    """Each in turn is the new one, the others calibrate: that is what exchangeable means."""
    level = part / 20
    found = [
        find_conformal_p_values(
            np.array([one]), np.sort(np.array(values[:i] + values[i + 1 :]))
        )[0] for i, one in enumerate(values)
    ]  # fmt: skip
    assert np.mean([p <= level for p in found]) <= level
