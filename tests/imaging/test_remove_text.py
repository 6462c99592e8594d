"""What is removed leaves no trace that can be seen, and nothing else changes.

SPDX-License-Identifier: Apache-2.0
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxrlens.imaging import find_burned_in, find_lung_field, remove_text
from cxrlens.imaging.remove_text import _span, mark_text
from cxrlens.phantom import Traps, draw_nth
from cxrlens.vocabulary import GreyImage


def draw_pair(number: int) -> tuple[GreyImage, GreyImage]:
    """A phantom without and with its marker."""
    bare = draw_nth(number, seed=31, findings=("normal",))
    marked = draw_nth(number, 31, ("normal",), Traps(marker_on=("normal",)))
    return bare.pixels.astype(np.float32) / 255, marked.pixels.astype(np.float32) / 255


def test_a_planted_marker_gives_way_to_what_was_there() -> None:
    for number in range(6):
        bare, marked = draw_pair(number)
        cleaned, where = remove_text(marked), marked != bare
        before, after = np.abs(marked - bare)[where], np.abs(cleaned - bare)[where]
        assert after.mean() < 0.12 * before.mean()


def test_the_grain_goes_on() -> None:
    """A smooth patch in a grainy image would be a marker of its own."""
    generator = np.random.default_rng(0)
    for number in range(2):
        bare, marked = draw_pair(number)
        noise = (0.02 * generator.standard_normal(bare.shape)).astype(np.float32)
        grainy = np.clip(0.2 + 0.6 * marked + noise, 0, 1)
        mask = mark_text(grainy)
        assert mask[marked != bare].mean() > 0.9
        inside = np.diff(remove_text(grainy), axis=1)[mask[:, 1:] & mask[:, :-1]].std()
        around = np.diff(grainy, axis=1)[2:40, 180:226].std()
        assert 0.6 < inside / around < 1.4


@given(st.integers(0, 500), st.sampled_from([160, 256, 400]), st.booleans())
@settings(max_examples=8, deadline=None)
def test_nothing_changes_beside_the_mask_nor_in_the_lungs(
    number: int, side: int, has_noise: bool
) -> None:
    image = Image.fromarray(draw_pair(number)[1]).resize((side, side), Image.Resampling.BILINEAR)
    pixels = np.clip(np.asarray(image), 0, 1)
    if has_noise:
        pixels = np.clip(
            pixels + np.random.default_rng(number).normal(0, 0.02, pixels.shape), 0, 1
        ).astype(np.float32)
    kept = pixels.copy()
    cleaned, mask, lung = remove_text(pixels), mark_text(pixels), find_lung_field(pixels)
    assert np.array_equal(pixels, kept)
    assert cleaned.dtype == np.float32
    assert 0 <= cleaned.min() <= cleaned.max() <= 1
    assert np.array_equal(cleaned[~mask], pixels[~mask])
    assert np.array_equal(cleaned[lung.mask], pixels[lung.mask])
    assert mask[find_burned_in(pixels, lung)].all()
    assert np.array_equal(cleaned, remove_text(pixels))


def test_a_second_time_finds_next_to_nothing() -> None:
    for number in range(3):
        marked = draw_pair(number)[1]
        assert mark_text(remove_text(marked)).sum() <= 0.1 * mark_text(marked).sum()


def test_where_nothing_is_found_nothing_is_copied() -> None:
    bare = draw_pair(0)[0]
    assert remove_text(bare) is bare
    for value in (0.0, 0.5, 1.0):
        even = np.full((80, 100), value, np.float32)
        assert remove_text(even) is even


def span_slowly(values: GreyImage, hole: np.ndarray) -> np.ndarray:
    """The definition, pixel by pixel: go both ways along 16 lines and weigh what is met."""
    spanned = values.astype(np.float64)
    for row, col in np.argwhere(hole):
        total = weights = 0.0
        for angle in np.pi * np.arange(16) / 16:
            ends: list[tuple[float, int] | None] = []
            lengths = []
            for sign in (1, -1):
                length, where = 0, (row, col)
                while 0 <= where[0] < len(hole) and 0 <= where[1] < hole.shape[1] and hole[where]:
                    length += 1
                    down, right = np.rint(sign * length * np.array([np.sin(angle), np.cos(angle)]))
                    where = (int(row + down), int(col + right))
                is_in = 0 <= where[0] < len(hole) and 0 <= where[1] < hole.shape[1]
                ends.append((float(values[where]), length) if is_in else None)
                lengths.append(length)
            known = [end[0] for end in ends if end is not None]
            if known:
                near, far = lengths
                apart = abs(known[0] - known[-1]) if len(known) == 2 else 0.5
                weight = 1 / (near * far * (0.02 + apart) ** 4)
                total += weight * (known[0] * far + known[-1] * near) / (near + far)
                weights += weight
        spanned[row, col] = total / weights
    return spanned


def test_only_greys_of_the_image_are_written() -> None:
    """8 bits stay 8 bits: finer greys would show where a sign was."""
    for number in range(3):
        marked = draw_pair(number)[1]
        mask = mark_text(marked)
        assert np.isin(remove_text(marked)[mask], marked[~mask]).all()


def test_the_slow_definition_of_a_bridge_agrees() -> None:
    generator = np.random.default_rng(0)
    for _ in range(3):
        values = generator.random((9, 11), dtype=np.float32)
        hole = generator.random((9, 11)) < 0.6
        spanned = _span(values, hole)
        assert np.array_equal(spanned[~hole], values[~hole])
        assert spanned == pytest.approx(span_slowly(values, hole), abs=1e-5)


def test_an_edge_runs_on_behind_a_sign() -> None:
    rows, cols = np.mgrid[:40, :40]
    edge = np.where(rows - 20 > 0.5 * (cols - 20), 0.8, 0.2).astype(np.float32)
    hole = np.zeros(edge.shape, bool)
    hole[12:28, 12:28] = True
    wrong = np.abs(_span(np.where(hole, np.float32(1), edge), hole) - edge) > 0.2
    assert wrong.sum() < 0.12 * hole.sum()  # beside the edge itself
    assert not wrong[12:14].any()
    assert not wrong[26:28].any()


def test_an_even_rim_gives_an_even_patch() -> None:
    hole = np.zeros((20, 30), bool)
    hole[:15, 6:22] = True  # as far as the border of the image
    assert _span(np.where(hole, 0, 0.4).astype(np.float32), hole) == pytest.approx(0.4, abs=1e-6)


def test_real_radiographs_lose_their_signs(shared: Path) -> None:
    with (shared / "data" / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == "pneumonia2"]
    changed = []
    for row in rows[::300]:
        with Image.open(shared / "data" / row["path"]) as image:
            pixels = np.asarray(image.convert("L"), np.float32) / np.float32(255)
        cleaned, lung = remove_text(pixels), find_lung_field(pixels)
        assert np.array_equal(cleaned[lung.mask], pixels[lung.mask])
        changed.append((cleaned != pixels).mean())
    assert np.mean(np.array(changed) > 0) > 0.5  # nearly all of these bear an R
    assert max(changed) < 0.08
