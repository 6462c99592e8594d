"""The lung field lies on the lungs, at any size, and says when it does not know.

SPDX-License-Identifier: Apache-2.0
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxrlens.imaging import find_lung_field, read_mask
from cxrlens.imaging.lung_border import _find_loop
from cxrlens.imaging.lung_shape import IS_HEART, fill, find_normals, place_pair, trace
from cxrlens.phantom import Phantom, draw_nth
from cxrlens.vocabulary import GreyImage, PixelMask


def grey(phantom: Phantom) -> GreyImage:
    return phantom.pixels.astype(np.float32) / np.float32(255)


def resize(pixels: GreyImage, size: tuple[int, int]) -> GreyImage:
    """To (height, width)."""
    image = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.clip(np.asarray(image), 0, 1)


def resize_mask(mask: PixelMask, size: tuple[int, int]) -> PixelMask:
    return np.asarray(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))


def measure_dice(one: PixelMask, two: PixelMask) -> float:
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))


@pytest.mark.parametrize("number", range(0, 18, 3))
def test_it_covers_the_lungs_of_a_phantom(number: int) -> None:
    phantom = draw_nth(number, seed=11)
    field = find_lung_field(grey(phantom))
    assert field.confidence > 0.9
    # A phantom's lungs end at the heart, the field holds what of it lies over the left lung.
    assert measure_dice(field.mask, phantom.lungs) > 0.85
    assert phantom.lungs[field.mask].mean() > 0.75
    assert field.mask[phantom.lungs].mean() > 0.93


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (200, 512), (1100, 901), (2048, 2000)])
def test_the_mask_lies_on_the_image_s_own_pixels(size: tuple[int, int]) -> None:
    phantom = draw_nth(3, seed=11)
    field = find_lung_field(resize(grey(phantom), size))
    assert field.mask.shape == size
    assert measure_dice(field.mask, resize_mask(phantom.lungs, size)) > 0.82


def test_half_the_size_gives_the_same_field() -> None:
    for number in range(4):
        pixels = resize(grey(draw_nth(number, seed=12)), (512, 512))
        half = pixels.reshape(256, 2, 256, 2).mean(axis=(1, 3))
        one, two = find_lung_field(pixels), find_lung_field(half)
        assert measure_dice(resize_mask(one.mask, (256, 256)), two.mask) > 0.97
        assert one.confidence == pytest.approx(two.confidence, abs=0.05)


def test_black_bands_beside_the_exposure_do_not_matter() -> None:
    pixels = np.maximum(grey(draw_nth(5, seed=11)), 0.2)
    banded = np.pad(pixels, ((20, 40), (70, 30)))
    inner = find_lung_field(banded).mask[20:-40, 70:-30]
    assert measure_dice(inner, find_lung_field(pixels).mask) > 0.97


def test_grey_scale_and_brightness_hardly_matter() -> None:
    for number in range(4):
        pixels = grey(draw_nth(number, seed=13))
        field = find_lung_field(pixels)
        for other in (0.3 + 0.5 * pixels, pixels**1.4, pixels**0.7):
            assert measure_dice(find_lung_field(other).mask, field.mask) > 0.94


def test_it_does_not_change_from_call_to_call() -> None:
    pixels = grey(draw_nth(0, seed=11))
    kept = pixels.copy()
    one, two = find_lung_field(pixels), find_lung_field(pixels)
    assert np.array_equal(one.mask, two.mask)
    assert one.confidence == two.confidence
    assert np.array_equal(pixels, kept)


def test_turned_or_inverted_phantoms_are_no_chest() -> None:
    for number in range(4):
        pixels = grey(draw_nth(number, seed=11))
        for other in (np.rot90(pixels), np.rot90(pixels, 3), 1 - pixels):
            assert find_lung_field(np.ascontiguousarray(other)).confidence < 0.5


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(64, 64), (65, 256), (300, 100)])
def test_an_even_image_gives_no_confidence(value: float, size: tuple[int, int]) -> None:
    field = find_lung_field(np.full(size, value, np.float32))
    assert field.confidence == 0
    assert field.mask.shape == size


@given(st.integers(64, 300), st.integers(64, 300), st.integers(0, 99), st.floats(0.001, 1))
@settings(max_examples=12, deadline=None)
def test_noise_gives_no_confidence(rows: int, cols: int, seed: int, contrast: float) -> None:
    noise = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    assert find_lung_field(noise * np.float32(contrast)).confidence < 0.2


def test_both_lungs_are_painted_where_their_boxes_are() -> None:
    boxes = place_pair((0.5, 0.45), 0.8, 0.7)
    assert boxes == pytest.approx(np.array([[0.1, 0.456, 0.1, 0.8], [0.9, 0.544, 0.1, 0.8]]))
    mask = fill(trace(boxes), (1000, 500))
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert (rows[0], rows[-1]) == (pytest.approx(100, abs=3), pytest.approx(800, abs=12))
    assert (cols[0], cols[-1]) == (pytest.approx(50, abs=8), pytest.approx(450, abs=8))
    assert not mask[:, 235:265].any()
    assert np.array_equal(mask[:, :250], mask[:, :249:-1]) or (
        (mask[:, :250] != mask[:, :249:-1]).mean() < 0.01
    )


def test_normals_point_out_of_both_lungs() -> None:
    outlines = trace(place_pair((0.5, 0.5), 0.8, 0.7))
    normals = find_normals(outlines)
    assert np.linalg.norm(normals, axis=-1) == pytest.approx(np.ones((2, 64)))
    size = (2000, 2000)
    grown = fill(outlines + 0.01 * normals, size)
    assert grown.sum() > fill(outlines, size).sum()
    assert IS_HEART[1].any()
    assert not IS_HEART[0].any()


def find_loop_slowly(price: np.ndarray, stiffness: float, jump: int) -> float:
    """The cheapest closed line: an open one for each place in which it may begin and end."""
    n_points, n_places = price.shape
    best = np.inf
    for start in range(n_places):
        total = np.full(n_places, np.inf)
        total[start] = price[0, start]
        for point in range(1, n_points + 1):
            costs = np.full(n_places, np.inf)
            for new in range(n_places):
                for old in range(max(0, new - jump), min(n_places, new + jump + 1)):
                    costs[new] = min(costs[new], total[old] + stiffness * (new - old) ** 2)
            total = costs + (price[point] if point < n_points else 0)
        best = min(best, total[start])
    return float(best)


def test_the_loop_is_as_cheap_as_the_best_closed_line() -> None:
    generator = np.random.default_rng(0)
    for _ in range(10):
        price = generator.random((12, 5))
        path = _find_loop(price)
        steps = np.abs(np.diff(np.append(path, path[0])))
        cost = price[np.arange(12), path].sum() + 0.1 * (steps**2).sum()
        assert steps.max() <= 2
        assert cost == pytest.approx(find_loop_slowly(price, 0.1, 2), rel=0.1)


@pytest.mark.slow
def test_it_agrees_with_drawn_masks(shared: Path) -> None:
    with (shared / "data" / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["lung_mask"]]
    found = []
    for row in rows[::3]:
        with Image.open(shared / "data" / row["path"]) as image:
            pixels = np.asarray(image.convert("L"), np.float32) / np.float32(255)
        truth = read_mask(shared / "data" / row["lung_mask"])
        found.append(measure_dice(find_lung_field(pixels).mask, truth))
    assert np.mean(found) > 0.88
