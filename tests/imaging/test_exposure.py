"""Clipped areas are counted, the air beside the patient is not.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.imaging.exposure import measure_saturation


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_white_counts_everywhere_and_black_in_the_middle(share: float) -> None:
    field = np.full((100, 80), 0.5, dtype=np.float32)
    n = round(100 * share)
    field[:n] = 1
    assert measure_saturation(field) == (0.0, pytest.approx(share))
    black, white = measure_saturation(1 - field)
    assert white == 0
    assert black == pytest.approx(max(0, n - 20) / 60)


def test_nearly_white_is_white_after_jpeg_and_grey_is_not() -> None:
    assert measure_saturation(np.full((50, 50), 252 / 255, dtype=np.float32)) == (0, 1)
    assert measure_saturation(np.full((50, 50), 250 / 255, dtype=np.float32)) == (0, 0)
