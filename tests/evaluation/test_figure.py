"""Which ends are shown.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from cxrlens.evaluation.figure import Figure, leave_undefined


@pytest.mark.parametrize(("n_patients", "is_shown"), [(4, False), (5, True)])
def test_ends_need_five_patients(n_patients: int, is_shown: bool) -> None:
    estimate = Figure(0.5, 0.2, 0.8, 40, n_patients, False, "Wilson").to_estimate()
    assert (estimate.low, estimate.high) == ((0.2, 0.8) if is_shown else (None, None))
    assert (estimate.value, estimate.n) == (0.5, 40)
    assert ("Wilson" in estimate.method) == is_shown


def test_an_undefined_figure_says_why() -> None:
    estimate = leave_undefined("no image")
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 0)
    assert "no image" in estimate.method
