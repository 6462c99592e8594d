"""Products with sparse matrices give what Pillow gives, and what the words say.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxrlens.imaging.resampling import resample, weigh_boxes, weigh_triangles

sides = st.integers(16, 300)
shares = st.floats(0, 0.4)


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides, shares, shares, st.integers(0, 2**32 - 1))
def test_triangles_are_pillows_bilinear_filter(  # noqa: PLR0917
    rows: int, cols: int, height: int, width: int, start: float, end: float, seed: int
) -> None:
    pixels = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    left, top, right, bottom = start * cols, end * rows, (1 - end) * cols, (1 - start) * rows
    down = weigh_triangles(rows, height, top, bottom - top)
    across = weigh_triangles(cols, width, left, right - left)
    expected = Image.fromarray(pixels).resize(
        (width, height), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
    )
    found = resample(pixels, down, across)
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, np.asarray(expected), atol=2e-4)


@settings(max_examples=60, deadline=None)
@given(
    n_own=st.integers(8, 400), step=st.integers(1, 9), factor=st.sampled_from([1, 2, 4, 8]),
    is_flipped=st.booleans(), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_boxes_are_means_of_own_pixels(
    n_own: int, step: int, factor: int, seed: int, *, is_flipped: bool
) -> None:
    """Slowly: every decoded pixel is repeated for each own pixel that it stands for."""
    n = -(-n_own // factor)
    decoded = np.random.default_rng(seed).random(n).astype(np.float32)
    beyond = n * factor - n_own if is_flipped else 0
    own = np.repeat(decoded, factor)[beyond : beyond + n_own]
    slow = [own[at : at + step].mean() for at in range(0, n_own, step)]
    weights = weigh_boxes(n, n_own, step, factor, beyond / factor)
    np.testing.assert_allclose(weights @ decoded, slow, atol=1e-5)


@given(sides, sides)
def test_weights_add_up_to_one(n: int, n_out: int) -> None:
    for weights in (weigh_triangles(n, n_out, 0.0, float(n)), weigh_boxes(n, n, 1 + n // n_out)):
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
