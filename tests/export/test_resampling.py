"""Two products of matrices resample as Pillow does.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.export.resampling import Resampler
from cxrlens.imaging import Preprocessing


@given(
    rows=st.integers(20, 150),
    cols=st.integers(20, 150),
    height=st.integers(16, 70),
    width=st.integers(16, 70),
    fit=st.sampled_from(["stretch", "crop"]),
)
def test_it_is_the_reference_for_any_size(
    rows: int, cols: int, height: int, width: int, fit: str
) -> None:
    step = Preprocessing(height, width, fit)  # type: ignore[arg-type]
    images = np.random.default_rng(rows * cols).random((2, rows, cols), dtype=np.float32)
    ours = Resampler(step)(torch.from_numpy(images)).numpy()
    for one, image in zip(ours, images, strict=True):
        np.testing.assert_allclose(one, step.apply(image), atol=1e-5)


def test_a_size_that_fits_is_left_alone() -> None:
    image = torch.rand(1, 30, 40)
    torch.testing.assert_close(Resampler(Preprocessing(30, 40))(image), image)


@pytest.mark.parametrize("side", [2000, 3001])
def test_large_images(side: int) -> None:
    """Float32 must still place the centres of thousands of pixels."""
    step = Preprocessing(224, 224, "crop")
    image = np.random.default_rng(0).random((side, side - 77), dtype=np.float32)
    ours = Resampler(step)(torch.from_numpy(image)[None]).numpy()[0]
    np.testing.assert_allclose(ours, step.apply(image), atol=2e-4)
