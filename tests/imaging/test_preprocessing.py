"""The reference pixel path keeps every landmark in its place.

SPDX-License-Identifier: Apache-2.0
"""

import copy
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.ndimage import map_coordinates

from cxrlens.imaging import Preprocessing, remove_text
from cxrlens.phantom import Traps, draw_set
from cxrlens.vocabulary import Geometry, GreyImage, Heatmap, RecipeError

Fit = Literal["stretch", "crop"]


def draw_blob(size: tuple[int, int], row: float, col: float, sigma: float) -> GreyImage:
    """A Gaussian whose centre of mass lies at (row, col) of pixel centres."""
    rows = np.exp(-(((np.arange(size[0]) - row) / sigma) ** 2) / 2)
    cols = np.exp(-(((np.arange(size[1]) - col) / sigma) ** 2) / 2)
    return np.outer(rows, cols).astype(np.float32)


def find_centroid(pixels: GreyImage) -> np.ndarray:
    weights = pixels.astype(np.float64)
    rows, cols = (weights.sum(axis=1), weights.sum(axis=0))
    total = weights.sum()
    return np.array([[rows @ np.arange(len(rows)), cols @ np.arange(len(cols))]]) / total


SIZES = [
    (64, 64), (64, 256), (256, 64), (100, 133), (224, 224), (225, 223), (300, 400), (511, 97 * 3),
    (1000, 700), (1024, 1024), (2048, 1500), (3001, 2003),
]  # fmt: skip


@pytest.mark.parametrize("fit", ["stretch", "crop"])
@pytest.mark.parametrize("network", [(224, 224), (299, 299), (64, 96), (320, 256)])
@pytest.mark.parametrize("size", SIZES)
def test_landmarks_come_back_within_half_a_source_pixel(
    size: tuple[int, int], network: tuple[int, int], fit: Fit
) -> None:
    step = Preprocessing(*network, fit)
    box = step.geometry(size)
    scale = max(box.height / network[0], box.width / network[1], 1.0)
    sigma = 1.5 * scale  # wide enough to be seen at the network's size
    for share in ((0.5, 0.5), (0.3, 0.7), (0.713, 0.377)):
        row = box.top + share[0] * box.height - 0.5
        col = box.left + share[1] * box.width - 0.5
        seen = find_centroid(step.apply(draw_blob(size, row, col, sigma)))
        assert np.abs(seen - box.to_network(np.array([[row, col]]))).max() < 0.5 / scale
        assert np.abs(box.to_source(seen) - [[row, col]]).max() < 0.5


@pytest.mark.parametrize("fit", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(64, 64), (130, 101), (300, 400), (1024, 800), (2000, 2500)])
def test_a_single_pixel_comes_back_within_half_a_source_pixel(
    size: tuple[int, int], fit: Fit
) -> None:
    step = Preprocessing(224, 224, fit)
    box = step.geometry(size)
    rng = np.random.default_rng(0)
    for _ in range(5):
        inside = box.top + box.height * 0.2, box.left + box.width * 0.2
        row = int(rng.integers(int(inside[0]), int(inside[0] + box.height * 0.6)))
        col = int(rng.integers(int(inside[1]), int(inside[1] + box.width * 0.6)))
        image = np.zeros(size, np.float32)
        image[row, col] = 1
        found = box.to_source(find_centroid(step.apply(image)))
        assert np.abs(found - [[row, col]]).max() < 0.5


def test_a_map_of_the_network_s_image_goes_back_to_its_place() -> None:
    for size in ((300, 500), (900, 700), (224, 224)):
        for fit in ("stretch", "crop"):
            step = Preprocessing(224, 224, fit)
            box = step.geometry(size)
            row, col = box.top + 0.31 * box.height, box.left + 0.66 * box.width
            blob = step.apply(draw_blob(size, row, col, max(box.height, box.width) / 40))
            grid = blob.reshape(14, 16, 14, 16).mean(axis=(1, 3))
            back = Heatmap(grid, box, "blob", "test").on_source()
            peak = np.unravel_index(np.nanargmax(back), back.shape)
            assert abs(peak[0] - row) <= box.height / 14 / 2 + 1
            assert abs(peak[1] - col) <= box.width / 14 / 2 + 1
            assert np.isnan(back).any() == (fit == "crop" and size[0] != size[1])


def test_worked_boxes() -> None:
    worked = {
        (100, 50, "crop", (100, 100)): (0.0, 25.0, 100.0, 50.0),
        (100, 50, "stretch", (300, 200)): (0.0, 0.0, 300.0, 200.0),
        (50, 100, "crop", (400, 200)): (150.0, 0.0, 100.0, 200.0),
    }
    for (height, width, fit, size), box in worked.items():
        expected = Geometry(size, (height, width), *box)
        assert Preprocessing(height, width, fit).geometry(size) == expected


def apply_slowly(image: GreyImage, step: Preprocessing) -> np.ndarray:
    """The definition: a triangle as wide as a network pixel (or a source pixel if that is wider),
    centred on each network pixel's centre, over the source pixels' centres."""
    box = step.geometry(image.shape)

    def weigh(n: int, source: int, start: float, extent: float) -> np.ndarray:
        scale = extent / n
        centres = start + (np.arange(n) + 0.5) * scale
        distance = np.abs(np.arange(source)[None, :] + 0.5 - centres[:, None]) / max(scale, 1)
        weights = np.clip(1 - distance, 0, None)
        return weights / weights.sum(axis=1, keepdims=True)

    rows = weigh(step.height, image.shape[0], box.top, box.height)
    cols = weigh(step.width, image.shape[1], box.left, box.width)
    return rows @ image.astype(np.float64) @ cols.T


@settings(max_examples=60, deadline=None)
@given(
    st.integers(64, 200), st.integers(64, 200), st.integers(16, 150), st.integers(16, 150),
    st.sampled_from(["stretch", "crop"]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_the_slow_formula_agrees(
    rows: int, cols: int, height: int, width: int, fit: Fit, seed: int
) -> None:
    image = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    step = Preprocessing(height, width, fit)
    small = step.apply(image)
    assert (small.shape, small.dtype) == ((height, width), np.float32)
    assert np.abs(small - apply_slowly(image, step)).max() < 2e-4
    assert 0 <= small.min() <= small.max() <= 1


def test_scaling_up_is_bilinear_interpolation_as_in_scipy() -> None:
    image = np.random.default_rng(0).random((64, 80), dtype=np.float32)
    step = Preprocessing(224, 224, "crop")
    box = step.geometry(image.shape)
    centres = np.stack(np.meshgrid(np.arange(224), np.arange(224), indexing="ij"), axis=-1)
    points = box.to_source(centres.reshape(-1, 2).astype(float))
    expected = map_coordinates(image, points.T, order=1, mode="nearest").reshape(224, 224)
    assert np.abs(step.apply(image) - expected).max() < 1e-4


@given(st.floats(0, 1, width=32), st.integers(64, 300), st.integers(64, 300))
@settings(max_examples=30, deadline=None)
def test_an_even_image_stays_even(value: float, rows: int, cols: int) -> None:
    image = np.full((rows, cols), value, np.float32)
    for fit in ("stretch", "crop"):
        assert np.allclose(Preprocessing(50, 70, fit).apply(image), value, atol=1e-6)


@given(st.integers(1, 30000), st.integers(1, 30000), st.integers(16, 4096), st.integers(16, 4096))
def test_a_crop_lies_inside_and_is_scaled_evenly(r: int, c: int, h: int, w: int) -> None:
    box = Preprocessing(h, w, "crop").geometry((r, c))
    assert min(box.top, box.left) >= -1e-9
    assert box.top + box.height <= r + 1e-6
    assert box.left + box.width <= c + 1e-6
    assert box.height / h == pytest.approx(box.width / w)
    assert min(r - box.height, c - box.width) == pytest.approx(0, abs=1e-6)
    assert box.top == pytest.approx((r - box.height) / 2)


def make_unchecked(**fields: object) -> Preprocessing:
    """One whose fields no type checker has seen: the test run's own would speak first."""
    step = copy.copy(Preprocessing())
    for name, value in fields.items():
        object.__setattr__(step, name, value)
    return step


@pytest.mark.parametrize("side", [15, 4097, 0, -1, 224.0, True, "224", None])
@pytest.mark.parametrize("name", ["height", "width"])
def test_sides_are_checked(name: str, side: object) -> None:
    with pytest.raises(RecipeError, match=f"{name} must be a whole number of 16…4096 pixels; got"):
        make_unchecked(**{name: side}).__post_init__()
    for good in (16, 4096):
        make_unchecked(**{name: good}).__post_init__()


def test_fit_is_checked() -> None:
    with pytest.raises(RecipeError, match=r"fit 'cropp' is not known: did you mean 'crop'\?"):
        make_unchecked(fit="cropp").__post_init__()


def test_remove_text_is_checked() -> None:
    with pytest.raises(RecipeError, match="remove_text must be true or false; got 'yes'"):
        make_unchecked(remove_text="yes").__post_init__()


def test_text_is_removed_at_the_source_s_size_before_resampling() -> None:
    (phantom,) = (p for p in draw_set(1, 0, ("covid",), Traps(marker_on=("covid",))))
    pixels = phantom.pixels.astype(np.float32) / 255
    kept, cleaned = Preprocessing(64, 64), Preprocessing(64, 64, remove_text=True)
    assert np.array_equal(cleaned.apply(pixels), kept.apply(remove_text(pixels)))
    assert kept.apply(pixels)[3:8, 56:62].max() > 0.7 > cleaned.apply(pixels)[3:8, 56:62].max()


def test_it_is_a_field_of_a_recipe() -> None:
    adapter = TypeAdapter(Preprocessing)
    plain = {"height": 320, "width": 256, "fit": "crop", "remove_text": True,
             "decoding": "full"}  # fmt: skip
    step = Preprocessing(320, 256, "crop", remove_text=True, decoding="full")
    assert adapter.validate_python(plain) == step
    assert adapter.dump_python(step) == plain
    del plain["remove_text"]  # as bundles of version 0.1.0 have it
    assert adapter.validate_python(plain) == replace(step, remove_text=False)
    with pytest.raises(ValidationError, match="heigth"):
        adapter.validate_python({"heigth": 224})
    with pytest.raises(RecipeError, match="got 5"):
        adapter.validate_python({"height": 5})
