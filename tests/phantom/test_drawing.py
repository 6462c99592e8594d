"""Checks the drawn phantoms: what they hold, that they repeat, and that version 1 is frozen.

SPDX-License-Identifier: Apache-2.0
"""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxrlens.phantom import (
    FINDINGS,
    FROZEN_COUNT,
    FROZEN_DIGEST,
    FROZEN_SEED,
    VERSION,
    Order,
    Phantom,
    Traps,
    digest_pixels,
    draw,
    draw_nth,
    draw_set,
    order_nth,
)
from cxrlens.phantom.anatomy import place_build, shape_body
from cxrlens.vocabulary import InputError

REDRAW = "from cxrlens.phantom import *\nprint(digest_pixels(draw_set(FROZEN_COUNT, FROZEN_SEED)))"


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    return list(draw_set(36, seed=11))


def share_of_overlap(a: Phantom, b: Phantom) -> float:
    return float((a.lungs & b.lungs).sum() / (a.lungs | b.lungs).sum())


def test_version_one_is_frozen() -> None:
    assert VERSION == 1
    assert digest_pixels(draw_set(FROZEN_COUNT, FROZEN_SEED)) == FROZEN_DIGEST


@pytest.mark.parametrize(
    "off", ["AVX512_SPR", "AVX512_SPR AVX512_ICL X86_V4", "AVX512_SPR AVX512_ICL X86_V4 X86_V3"]
)
def test_version_one_is_the_same_on_lesser_processors(off: str) -> None:
    known = set(np.__config__.CONFIG["SIMD Extensions"].get("found", []))
    kept = " ".join(name for name in off.split() if name in known)
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": kept}
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", REDRAW],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == FROZEN_DIGEST


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**6), st.sampled_from(FINDINGS))
def test_lesions_lie_in_the_lungs_and_cover_one_to_eight_percent(
    seed: int, number: int, finding: str
) -> None:
    phantom = draw_nth(number, seed, (finding,))
    assert phantom.pixels.shape == phantom.lesion.shape == phantom.lungs.shape == (256, 256)
    assert not (phantom.lesion & ~phantom.lungs).any()
    share = phantom.lesion.mean()
    assert share == 0 if finding == "normal" else 0.01 <= share <= 0.08
    assert 0.15 < phantom.lungs.mean() < 0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9))
def test_lungs_lie_inside_the_body(seed: int) -> None:
    order = order_nth(0, seed)
    phantom = draw(order)
    build = place_build(order.anatomy_key, np.full(4, 0.5))
    body = ndimage.binary_dilation(shape_body(build) > 0, iterations=8)
    assert not (phantom.lungs & ~body).any()
    pieces, count = ndimage.label(phantom.lungs)
    assert count == 2
    assert min(np.bincount(pieces.ravel())[1:]) > 3000


def test_pixels_look_like_a_chest(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        pixels = phantom.pixels.astype(float)
        spine = pixels[60:200, 120:136].mean()
        assert phantom.lungs[:, :128].any()
        assert phantom.lungs[:, 128:].any()
        assert pixels[phantom.lungs].mean() + 20 < spine
        assert np.ptp(phantom.pixels) > 120


def test_heart_lies_on_the_viewers_right(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        left, right = phantom.lungs[:, :128].sum(), phantom.lungs[:, 128:].sum()
        middle = np.flatnonzero(phantom.lungs.any(axis=0)).mean()
        if abs(middle - 127.5) < 3:
            assert left > right


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_lesion_changes_its_surroundings_alone(finding: str) -> None:
    for seed in range(4):
        order = order_nth(0, seed, (finding,))
        ill, well = draw(order), draw(replace(order, finding="normal"))
        assert (ill.lungs == well.lungs).all()
        near = ndimage.binary_dilation(ill.lesion, iterations=14)
        change = ill.pixels.astype(float) - well.pixels
        assert np.abs(change[~near]).mean() < 1.0
        assert np.abs(change[:8]).max() <= 2
        if finding in ("pneumonia", "covid"):
            assert change[ill.lesion].mean() > 8
        if finding == "pneumothorax":
            assert change[ill.lesion].mean() < -4


def test_covid_is_bilateral_and_the_others_are_not() -> None:
    for seed in range(8):
        for finding in FINDINGS[1:]:
            phantom = draw_nth(0, seed, (finding,))
            lungs, _ = ndimage.label(phantom.lungs)
            touched = len(set(lungs[phantom.lesion].tolist()))
            assert touched == (2 if finding == "covid" else 1)


def test_covid_lies_nearer_to_the_chest_wall_than_pneumonia() -> None:
    depth: dict[str, list[float]] = {"covid": [], "pneumonia": []}
    for finding, depths in depth.items():
        for seed in range(12):
            phantom = draw_nth(0, seed, (finding,))
            filled = ndimage.binary_closing(np.pad(phantom.lungs, 60), iterations=50)[
                60:-60, 60:-60
            ]
            depths.append(float(ndimage.distance_transform_edt(filled)[phantom.lesion].mean()))
    assert np.median(depth["covid"]) < np.median(depth["pneumonia"])


def test_pneumothorax_lies_in_the_upper_lung_along_its_rim() -> None:
    for seed in range(12):
        phantom = draw_nth(0, seed, ("pneumothorax",))
        rows, _ = np.nonzero(phantom.lesion)
        lung_rows, _ = np.nonzero(phantom.lungs)
        assert rows.mean() < np.mean([lung_rows.min(), lung_rows.max()])
        assert rows.min() <= lung_rows.min() + 12
        rim = phantom.lungs & ~ndimage.binary_erosion(phantom.lungs, iterations=2)
        assert (phantom.lesion & rim).any()


def test_nth_equals_streamed_and_longer_sets_begin_with_shorter_ones() -> None:
    traps = Traps(("covid",), 0.9, 0.3, FINDINGS, 0.3, 0.1)
    streamed = list(draw_set(9, 4, traps=traps))
    for number in (8, 0, 5):
        alone = draw_nth(number, 4, traps=traps)
        assert (alone.pixels == streamed[number].pixels).all()
        assert (alone.lesion == streamed[number].lesion).all()
        assert alone.patient_id == streamed[number].patient_id
    assert digest_pixels(draw_set(4, 4, traps=traps)) == digest_pixels(streamed[:4])


def test_other_seeds_draw_other_images() -> None:
    assert digest_pixels(draw_set(2, 0)) != digest_pixels(draw_set(2, 1))


def test_twins_share_anatomy_but_not_pixels() -> None:
    twins = [(draw_nth(3 * n, 1), draw_nth(3 * n + 1, 1)) for n in range(10)]
    for one, other in twins:
        assert one.patient_id == other.patient_id
        assert (one.pixels != other.pixels).mean() > 0.5
        assert share_of_overlap(one, other) > 0.88
    strangers = [share_of_overlap(twins[n][0], twins[n - 1][0]) for n in range(10)]
    assert np.median(strangers) < min(share_of_overlap(*pair) for pair in twins)


def test_the_marker_is_in_the_corner_alone() -> None:
    plain = order_nth(0, 0)
    change = draw(plain).pixels != draw(replace(plain, has_marker=True)).pixels
    rows, columns = np.nonzero(change)
    assert len(rows) > 60
    assert rows.max() < 32
    assert columns.min() > 228


def test_the_second_hospital_has_a_softer_contrast() -> None:
    for seed in range(4):
        plain = order_nth(0, seed)
        a, b = draw(plain), draw(replace(plain, hospital="B"))
        assert (a.lesion == b.lesion).all()
        assert b.hospital == "B"
        body = slice(40, 220), slice(40, 216)
        assert b.pixels[body].std() < a.pixels[body].std()


def test_duplicates_have_the_same_pixels() -> None:
    traps = Traps(duplicates=0.5)
    orders = [order_nth(number, 0, traps=traps) for number in range(30)]
    copy = next(order for order in orders if order.duplicate_of is not None)
    original = next(o for o in orders if o.image_key == copy.image_key and o.duplicate_of is None)
    assert (draw(copy).pixels == draw(original).pixels).all()
    assert draw(copy).duplicate_of == original.patient_id != copy.patient_id


def test_unknown_findings_are_refused() -> None:
    order = order_nth(0, 0)
    made_by_hand = Order(**{**vars(order), "finding": "flu"})
    with pytest.raises(InputError, match="'flu'"):
        draw(made_by_hand)
    with pytest.raises(InputError, match="'flu'"):
        next(draw_set(1, 0, ("flu",)))
