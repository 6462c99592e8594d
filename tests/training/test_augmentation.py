"""Training images are varied as far as the recipe says, and never mirrored.

SPDX-License-Identifier: Apache-2.0
"""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.training import list_recipes, load_recipe
from cxrlens.training.augmentation import augment
from cxrlens.training.recipe import Augmentation

NOTHING: dict[str, Any] = {
    "rotation_degrees": 0.0, "shift": 0.0, "zoom": 0.0, "crop_scale": 1.0, "distortion": 0.0,
    "mirror": False, "brightness": 0.0, "contrast": 0.0,
}  # fmt: skip


def _augment(images: torch.Tensor, seed: int = 0, **amounts: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return augment(images, Augmentation(**{**NOTHING, **amounts}), generator)


def _draw_blobs(n: int, height: int, width: int, row: float, col: float) -> torch.Tensor:
    """A soft disc about a point given in pixel centres."""
    rows = torch.arange(height)[:, None] - row
    cols = torch.arange(width)[None, :] - col
    return torch.exp(-(rows**2 + cols**2) / (2 * 3.0**2)).expand(n, 1, height, width)


def _find_centres(images: torch.Tensor) -> torch.Tensor:
    """Centre of mass of each image: N x 2, (row, column) in pixel centres."""
    mass = images[:, 0].double()
    total = mass.sum(dim=(1, 2))
    rows = (mass.sum(dim=2) * torch.arange(mass.shape[1])).sum(dim=1) / total
    cols = (mass.sum(dim=1) * torch.arange(mass.shape[2])).sum(dim=1) / total
    return torch.stack([rows, cols], dim=1)


def test_without_amounts_nothing_changes() -> None:
    images = torch.rand(5, 1, 24, 40)
    torch.testing.assert_close(_augment(images), images, rtol=0, atol=1e-6)


AMOUNTS = st.fixed_dictionaries(
    {
        "rotation_degrees": st.floats(0, 180),
        "crop_scale": st.floats(0.05, 1),
        "distortion": st.floats(0, 0.124),
        "mirror": st.booleans(),
        **{name: st.floats(0, 0.99) for name in ("shift", "zoom", "brightness", "contrast")},
    }
)


@given(AMOUNTS, st.integers(0, 2**31))
def test_range_shape_and_repeatability(amounts: dict[str, float], seed: int) -> None:
    images = torch.rand(3, 1, 16, 24, generator=torch.Generator().manual_seed(seed))
    first = _augment(images, seed, **amounts)
    assert first.shape == images.shape
    assert first.dtype == images.dtype
    assert 0 <= first.min() <= first.max() <= 1
    assert torch.equal(first, _augment(images, seed, **amounts))


def test_the_generator_is_the_only_chance_and_moves_on() -> None:
    augmentation = load_recipe("default").augmentation
    images = torch.rand(4, 1, 16, 16)
    generator = torch.Generator().manual_seed(7)
    torch.manual_seed(1)
    first = augment(images, augmentation, generator)
    second = augment(images, augmentation, generator)
    torch.manual_seed(2)
    again = augment(images, augmentation, torch.Generator().manual_seed(7))
    assert torch.equal(first, again)
    assert not torch.allclose(first, second)


def test_images_of_a_batch_are_varied_one_by_one() -> None:
    images = torch.rand(1, 1, 16, 16).expand(6, 1, 16, 16)
    varied = _augment(images, brightness=0.3, contrast=0.3, shift=0.1)
    assert len({tuple(image.flatten().tolist()) for image in varied}) == 6


@pytest.mark.parametrize("recipe", list_recipes())
def test_left_stays_left(recipe: str) -> None:
    images = torch.full((200, 1, 32, 32), 0.2)
    images[..., :16] = 0.8
    generator = torch.Generator().manual_seed(0)
    varied = augment(images, load_recipe(recipe).augmentation, generator)
    left, right = varied[..., :16].mean(dim=(1, 2, 3)), varied[..., 16:].mean(dim=(1, 2, 3))
    assert (left > right).all()


def test_an_odd_pattern_is_never_its_mirror() -> None:
    """Even turned as far as may be, the heart stays on its side of the spine."""
    # Marks at 12, 3 and 6 o'clock: seen clockwise, each angle turns the same way round.
    top, right = _draw_blobs(100, 64, 64, 12, 31.5), _draw_blobs(100, 64, 64, 31.5, 48)
    generator = torch.Generator().manual_seed(0)
    amounts = Augmentation(180.0, 0.1, 0.1, 1.0, 0.0, False, 0.0, 0.0)
    state = generator.get_state()
    tops = _find_centres(augment(top, amounts, generator)) - 31.5
    generator.set_state(state)
    rights = _find_centres(augment(right, amounts, generator)) - 31.5
    # The cross product (row, column) of two directions changes sign under mirroring alone; the
    # shift is common to both, so it is taken from the marks' middle.
    state_middle = _draw_blobs(100, 64, 64, 31.5, 31.5)
    generator.set_state(state)
    middles = _find_centres(augment(state_middle, amounts, generator)) - 31.5
    a, b = tops - middles, rights - middles
    assert (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0).all()


def test_a_shift_moves_by_up_to_its_share_of_the_side() -> None:
    images = _draw_blobs(400, 60, 100, 29.5, 49.5)
    moved = _find_centres(_augment(images, shift=0.2)) - torch.tensor([29.5, 49.5])
    for axis, most in ((0, 0.2 * 60), (1, 0.2 * 100)):
        amounts = moved[:, axis]
        assert amounts.abs().max() <= most + 0.01
        assert amounts.max() > 0.95 * most
        assert amounts.min() < -0.95 * most
        assert abs(float(amounts.mean())) < 4 * most / math.sqrt(3 * 400)  # evenly from ± most
        assert abs(float(amounts.std()) / (most / math.sqrt(3)) - 1) < 0.1


def test_a_shift_is_a_shift() -> None:
    """Whatever it moves, it moves it whole: the blob's own shape is kept."""
    images = _draw_blobs(20, 64, 64, 31.5, 31.5)
    varied = _augment(images, shift=0.2)
    for image, centre in zip(varied, _find_centres(varied), strict=True):
        expected = _draw_blobs(1, 64, 64, float(centre[0]), float(centre[1]))
        # Bilinear between pixels: at most (1 / 9) / 8 an axis off, from the second derivative.
        assert (image - expected[0]).abs().max() < 0.03


@pytest.mark.parametrize("size", [(64, 64), (48, 96), (96, 48)])
def test_a_rotation_turns_about_the_centre_without_shear(size: tuple[int, int]) -> None:
    height, width = size
    centre = torch.tensor([(height - 1) / 2, (width - 1) / 2])
    images = _draw_blobs(300, height, width, float(centre[0]), float(centre[1]) + 11)
    offset = _find_centres(_augment(images, rotation_degrees=30.0)) - centre
    torch.testing.assert_close(
        offset.norm(dim=1), torch.full((300,), 11.0).double(), rtol=0, atol=0.05
    )
    degrees = torch.rad2deg(torch.atan2(offset[:, 0], offset[:, 1]))
    assert 28.5 < degrees.abs().max() < 30.1
    assert degrees.min() < -28
    assert degrees.max() > 28


def test_a_zoom_is_up_to_its_share() -> None:
    images = _draw_blobs(300, 64, 64, 31.5, 41.5)
    distance = _find_centres(_augment(images, zoom=0.2))[:, 1] - 31.5
    scale = 10 / distance  # of the window on the image
    assert 0.795 < scale.min() < 0.82
    assert 1.18 < scale.max() < 1.205


def test_brightness_is_added_and_contrast_stretches_about_the_mean() -> None:
    images = 0.4 + 0.2 * torch.rand(300, 1, 8, 8)
    means = images.mean(dim=(1, 2, 3))
    brighter = _augment(images, brightness=0.3) - images
    amounts = brighter.mean(dim=(1, 2, 3))
    torch.testing.assert_close(brighter, amounts[:, None, None, None].expand_as(brighter))
    assert 0.28 < amounts.max() < 0.3
    assert -0.3 < amounts.min() < -0.28
    stretched = _augment(images, contrast=0.5)
    torch.testing.assert_close(stretched.mean(dim=(1, 2, 3)), means)
    ratio = stretched.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert 0.5 < ratio.min() < 0.52
    assert 1.48 < ratio.max() < 1.5


def test_what_comes_in_repeats_the_border() -> None:
    images = torch.full((50, 1, 32, 32), 0.7)
    varied = _augment(images, rotation_degrees=45.0, shift=0.4, zoom=0.4)
    torch.testing.assert_close(varied, images)


# Cutting, mirroring, distorting


def _draw_ramps(n: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose grey is the row, and the column, from 0 to 1 over the whole side."""
    rows = ((torch.arange(height) + 0.5) / height)[:, None].expand(n, 1, height, width)
    cols = ((torch.arange(width) + 0.5) / width)[None, :].expand(n, 1, height, width)
    return rows, cols


def test_a_cut_holds_at_least_its_share_of_the_area_and_lies_inside() -> None:
    rows, cols = _draw_ramps(400, 40, 60)
    down, across = _augment(rows, crop_scale=0.3), _augment(cols, crop_scale=0.3)
    # Between the centres of the outer pixels of the cut.
    high = (down[:, 0, -1, 30] - down[:, 0, 0, 30]) * 40 / 39
    wide = (across[:, 0, 20, -1] - across[:, 0, 20, 0]) * 60 / 59
    area, ratio = high * wide, wide / high
    # A box that would be longer than the image is cut off at its side: a little is lost.
    assert area.min() > 0.28
    assert area.max() < 1.001
    assert 0.3 < area.mean() < 0.65
    assert ratio.min() > 3 / 4 - 0.01
    assert ratio.max() < 4 / 3 + 0.01
    assert ratio.max() > 1.2
    assert down.min() > 0
    assert down[:, 0, 0, 30].std() > 0.05  # the place is drawn too


def test_mirroring_turns_every_second_image() -> None:
    _, cols = _draw_ramps(400, 16, 24)
    varied = _augment(cols, mirror=True)
    is_mirrored = varied[:, 0, 0, 0] > varied[:, 0, 0, -1]
    assert 0.4 < is_mirrored.float().mean() < 0.6
    expected = torch.where(is_mirrored[:, None, None, None], cols.flip(3), cols)
    torch.testing.assert_close(varied, expected)


@pytest.mark.parametrize("size", [(64, 64), (48, 96)])
def test_a_distortion_moves_inner_corners_up_to_its_share(size: tuple[int, int]) -> None:
    """The tiles' corners, a quarter of a side apart; the border of the image stays."""
    height, width = size
    rows, cols = _draw_ramps(300, height, width)
    for ramp, axis in ((rows, 0), (cols, 1)):
        moved = _augment(ramp, distortion=0.05)[:, 0] - ramp[:, 0]
        assert moved.abs().max() < 0.05 + 0.01
        corner = moved[:, height // 4, width // 4]
        assert corner.max() > 0.04
        assert corner.min() < -0.04
        border = moved[:, 0] if axis == 0 else moved[:, :, 0]
        assert border.abs().max() < 0.01


def test_a_distortion_bends_and_does_not_fold() -> None:
    rows, _ = _draw_ramps(100, 64, 64)
    varied = _augment(rows, distortion=0.12)[:, 0]
    assert (varied[:, 1:] - varied[:, :-1]).min() > -1e-4
