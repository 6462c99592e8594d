"""A view of an image depends on nothing but the seed, the image and its number.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch

from cxrlens.training import load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import Place
from cxrlens.training.shown_images import ShownImages


@pytest.fixture
def shown(cases: TrainingCases) -> ShownImages:
    recipe = load_recipe("default", ["height=32", "width=32"])
    return ShownImages(cases, recipe, lambda tensor: tensor)


def test_a_view_is_the_same_in_any_company(shown: ShownImages) -> None:
    rows = np.array([5, 3, 5, 68])  # the last is the first copy of row 8
    together = shown.vary_view(1, rows)
    for place, row in enumerate(rows):
        assert torch.equal(together[place], shown.vary_view(1, np.array([row]))[0])
    assert torch.equal(together[0], together[2])


def test_views_images_and_seeds_differ(shown: ShownImages, cases: TrainingCases) -> None:
    """On one picture in all rows, so that only chance tells them apart."""
    same = TrainingCases(cases.pixels[[0] * 60], cases.targets, cases.train, cases.validation, 2)
    recipes = [load_recipe("default", ["height=32", "width=32", f"seed={seed}"]) for seed in (0, 1)]
    pictures = [
        ShownImages(same, recipe, lambda tensor: tensor).vary_view(view, np.array([row]))
        for recipe in recipes
        for view in (0, 1)
        for row in (2, 3)
    ]
    for number, one in enumerate(pictures):
        assert all(not torch.equal(one, other) for other in pictures[:number])


def test_a_step_is_drawn_by_its_place(shown: ShownImages) -> None:
    batches = [np.arange(4), np.arange(4, 6)]
    first = list(shown.vary_step(Place(0, 1, 2), batches))
    again = list(shown.vary_step(Place(0, 1, 2), batches))
    other = list(shown.vary_step(Place(0, 1, 3), batches))
    assert [len(one) for one in first] == [4, 2]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_pixels_are_shares_of_white(shown: ShownImages, cases: TrainingCases) -> None:
    assert shown.size == (32, 32)
    expected = torch.from_numpy(cases.pixels[[7]].astype(np.float32) / 65535)[:, None]
    torch.testing.assert_close(shown.fetch(np.array([7])), expected)
