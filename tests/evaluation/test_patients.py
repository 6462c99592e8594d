"""Sums and counts by patient.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.evaluation.patients import (
    count_patients,
    find_sizes,
    find_worst_design_effect,
    sum_by_patient,
)

CLUSTERS = np.array([9, 2, 9, 4, 2, 9])


def test_sums_are_those_of_a_loop() -> None:
    values = np.arange(6.0)
    expected = [values[number == CLUSTERS].sum() for number in sorted(set(CLUSTERS.tolist()))]
    assert sum_by_patient(values, CLUSTERS).tolist() == expected
    assert sum_by_patient(values > 2, CLUSTERS).tolist() == [1, 1, 1]


def test_counts() -> None:
    assert count_patients(CLUSTERS) == 3
    assert find_sizes(CLUSTERS).tolist() == [2, 1, 3]


def test_worst_design_effect() -> None:
    assert find_worst_design_effect(CLUSTERS) == pytest.approx((4 + 1 + 9) / 6)
    assert find_worst_design_effect(np.arange(7)) == 1
