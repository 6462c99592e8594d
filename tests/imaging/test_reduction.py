"""What is decoded at a fraction of its size lies where the whole image does.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cxrlens.imaging import Preprocessing
from cxrlens.imaging.framing import shrink
from cxrlens.imaging.reading import load_scan
from cxrlens.imaging.reduction import place_reduced

BLOBS = ((0.5, 0.5), (0.21, 0.7), (0.83, 0.31))


def draw_blobs(height: int, width: int) -> np.ndarray:
    """Three blobs, no two alike, so that every flip shows."""
    rows, cols = np.arange(height)[:, None] / height, np.arange(width)[None] / width
    image = np.zeros((height, width))
    for strength, (row, col) in enumerate(BLOBS, start=1):
        image += strength / 3 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 2e-4)
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


@given(
    st.integers(64, 3000), st.integers(64, 3000), st.sampled_from([2, 4, 8]), st.integers(1, 8),
    st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
def test_a_point_goes_where_the_stored_pixels_were(
    height: int, width: int, factor: int, orientation: int, down: float, across: float
) -> None:
    """Slowly: back to the stored frame, to decoded pixels there, and upright again."""
    flips = {1: "", 2: "c", 3: "rc", 4: "r", 5: "t", 6: "tc", 7: "trc", 8: "tr"}[orientation]
    point = np.array([down * height, across * width])
    size, small = np.array([height, width], float), -(-np.array([height, width]) // factor)
    flipped = np.array(["r" in flips, "c" in flips])
    stored = np.where(flipped, size - point, point)  # transposing moves both frames alike
    decoded = stored / factor
    upright = np.where(flipped, small - decoded, decoded)
    found = place_reduced((height, width), factor, orientation).place(*point)
    assert np.allclose(found, upright, atol=1e-9)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["stretch", "crop"])
def test_files_in_every_orientation(orientation: int, fit: str, tmp_path: Path) -> None:
    """Sides that no factor divides: half a decoded pixel off is 0.05 on the flanks of a blob."""
    stored = Image.fromarray(draw_blobs(1033, 811))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "x.jpg"
    stored.save(path, quality=95, exif=exif)
    step = Preprocessing(64, 80, "crop" if fit == "crop" else "stretch")
    scan = load_scan(path, step)[0]
    assert scan.reduction is not None
    assert scan.reduction.factor == 2
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        whole = np.asarray(upright, dtype=np.float32) / 255
    assert scan.source_size == whole.shape
    found = step.apply(scan.pixels, scan.reduction)
    assert np.abs(found - step.apply(whole)).max() < 0.012
    assert np.abs(shrink(scan.pixels, 128, scan.reduction) - shrink(whole, 128)).max() < 0.012


@given(st.integers(16, 400), st.integers(16, 400), st.integers(64, 9000), st.integers(64, 9000))
def test_a_fraction_leaves_twice_the_network_s_pixels(h: int, w: int, rows: int, cols: int) -> None:
    for fit in ("stretch", "crop"):
        step = Preprocessing(h, w, fit)
        factor, box = step.choose_factor((rows, cols)), step.geometry((rows, cols))

        def is_enough(factor: int, box=box) -> bool:
            sides = box.height / factor / h, box.width / factor / w
            return min(sides) >= 2 and min(rows, cols) / factor >= 256

        assert factor in {1, 2, 4, 8}
        assert factor == 1 or is_enough(factor)
        assert factor == 8 or not is_enough(2 * factor)
        assert Preprocessing(h, w, fit, decoding="full").choose_factor((rows, cols)) == 1
        assert Preprocessing(h, w, fit, remove_text=True).choose_factor((rows, cols)) == 1
