"""A figure as people read it.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from cxrlens.vocabulary import Estimate


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.5, 0.25, 0.75, 10, "m"), "0.500 (0.250–0.750)"),
        (Estimate(1.0, 0.99949, 1.0, 10, "m"), "1.000 (0.999–1.000)"),
        (Estimate(0.5, None, None, 3, "m"), "0.500 (too few for an interval)"),
        (Estimate(0.5, 0.1, None, 3, "m"), "0.500 (too few for an interval)"),
        (Estimate(0.5, None, 0.9, 3, "m"), "0.500 (too few for an interval)"),
        (Estimate(0.0, 0.0, 0.0, 3, "m"), "0.000 (0.000–0.000)"),
        (Estimate(None, None, None, 0, "m"), "not defined"),
    ],
)
def test_text(estimate: Estimate, text: str) -> None:
    assert str(estimate) == text
