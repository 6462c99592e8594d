"""Checks the measure of difficulty, and that the phantoms keep their promise.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from cxrlens.phantom import (
    TOLERANCE,
    Bounded,
    Difficulty,
    Phantom,
    Traps,
    draw_set,
    measure_difficulty,
)
from cxrlens.vocabulary import InputError


@pytest.fixture(scope="module")
def sets() -> tuple[list[Phantom], list[Phantom]]:
    return list(draw_set(168, seed=21)), list(draw_set(120, seed=22))


@pytest.fixture(scope="module")
def difficulty(sets: tuple[list[Phantom], list[Phantom]]) -> Difficulty:
    return measure_difficulty(*sets)


def test_every_promise_holds(difficulty: Difficulty) -> None:
    assert [figure for figure in difficulty.bounded if not figure.holds] == []


def test_lesion_shares_are_counted_in_percent(
    difficulty: Difficulty, sets: tuple[list[Phantom], list[Phantom]]
) -> None:
    shares = [100 * p.lesion.sum() / 65536 for p in sets[0] + sets[1] if p.lesion.any()]
    assert difficulty.lesion_share_min.value == pytest.approx(min(shares))
    assert difficulty.lesion_share_median.value == pytest.approx(np.median(shares))
    assert difficulty.lesion_share_max.value == pytest.approx(max(shares))


def test_pointing_game_equals_a_slow_second_writing(
    difficulty: Difficulty, sets: tuple[list[Phantom], list[Phantom]]
) -> None:
    train, test = sets
    for disease, share in difficulty.mean_mask_pointing_by_disease:
        mean = np.mean([p.lesion for p in train if p.finding == disease], axis=0)
        row, column = np.argwhere(mean == mean.max())[0]
        hits = []
        for phantom in (p for p in test if p.finding == disease):
            rows, columns = np.nonzero(phantom.lesion)
            hits.append(np.hypot(rows - row, columns - column).min() <= TOLERANCE)
        assert share == pytest.approx(np.mean(hits))
    shares = [share for _, share in difficulty.mean_mask_pointing_by_disease]
    assert difficulty.mean_mask_pointing.value == pytest.approx(np.mean(shares))


def test_a_marker_is_noticed_at_the_border(sets: tuple[list[Phantom], list[Phantom]]) -> None:
    marked = [
        [replace(p, pixels=_light_corner(p)) if p.finding == "covid" else p for p in phantoms]
        for phantoms in (sets[0][:120], sets[1][:120])
    ]
    found = measure_difficulty(*marked)
    assert not found.border_auroc.holds
    assert found.border_auroc.value > 0.6


def test_noise_that_follows_the_finding_is_noticed_in_the_file_size(
    sets: tuple[list[Phantom], list[Phantom]],
) -> None:
    smooth = [
        [replace(p, pixels=_smooth(p)) if p.finding == "normal" else p for p in phantoms]
        for phantoms in (sets[0][:120], sets[1][:120])
    ]
    assert not measure_difficulty(*smooth).file_size_auroc.holds


def test_thumbnails_that_give_the_finding_away_are_noticed(
    sets: tuple[list[Phantom], list[Phantom]],
) -> None:
    names = sorted({p.finding for p in sets[0]})
    told = [
        [replace(p, pixels=_stamp(p, names.index(p.finding))) for p in phantoms]
        for phantoms in (sets[0][:120], sets[1][:120])
    ]
    found = measure_difficulty(*told).thumbnail_auroc
    assert found.value > 0.95
    assert not found.holds


def test_bounds_are_inclusive() -> None:
    assert Bounded("x", 1.0, 1.0, 8.0).holds
    assert Bounded("x", 8.0, 1.0, 8.0).holds
    assert not Bounded("x", 0.99, 1.0, 8.0).holds
    assert not Bounded("x", 8.01, 1.0, 8.0).holds


def test_sets_of_other_findings_are_refused(sets: tuple[list[Phantom], list[Phantom]]) -> None:
    normal = [p for p in sets[0] if p.finding == "normal"]
    with pytest.raises(InputError, match=r"same two or more findings; got \['covid'"):
        measure_difficulty(sets[0], normal)
    with pytest.raises(InputError, match=r"got \['normal'\] and \['normal'\]"):
        measure_difficulty(normal, normal)
    with pytest.raises(InputError, match=r"got \[\] and \[\]"):
        measure_difficulty([], [])


def test_traps_do_not_change_what_is_drawn() -> None:
    traps = Traps(mislabels=0.5)
    for plain, planted in zip(draw_set(6, 3), draw_set(6, 3, traps=traps), strict=True):
        assert (plain.pixels == planted.pixels).all()


def _light_corner(phantom: Phantom) -> np.ndarray:
    pixels = phantom.pixels.copy()
    pixels[:8, :8] = 255
    return pixels


def _smooth(phantom: Phantom) -> np.ndarray:
    return np.asarray(ndimage.uniform_filter(phantom.pixels, 5), dtype=np.uint8)


def _stamp(phantom: Phantom, place: int) -> np.ndarray:
    pixels = phantom.pixels.copy()
    pixels[100:116, 60 + 24 * place : 76 + 24 * place] = 255
    return pixels
