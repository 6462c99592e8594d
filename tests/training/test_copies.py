"""Copies are of training images only, as many as asked for, and always the same.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.network import MapClassifier
from cxrlens.training import Recipe, load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import Place
from cxrlens.training.copies import add_copies, split_copies, vary_copies
from cxrlens.training.learner import Learner
from cxrlens.training.recipe import Copies
from cxrlens.vocabulary import RecipeError

COPIES = load_recipe("default").copies


@st.composite
def draw_tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Targets of a table and which of its rows train; a row without a class never does."""
    n = draw(st.integers(2, 60))
    targets = np.array(draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n)))
    trains = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    return targets, np.flatnonzero(trains & (targets >= 0))


@given(draw_tables(), st.one_of(st.none(), st.integers(1, 90)))
def test_every_class_is_filled_by_its_own_training_images_in_turn(
    table: tuple[np.ndarray, np.ndarray], per_class: int | None
) -> None:
    targets, train = table
    copies = replace(COPIES, copies_per_class=per_class)
    made = add_copies(train, targets, copies)
    rows, numbers = split_copies(made, len(targets))
    assert set(rows) <= set(train)  # none of validation, test, or without a class
    assert len(set(made)) == len(made)
    assert made[: len(train)].tolist() == train.tolist()
    before, after = Counter(targets[train].tolist()), Counter(targets[rows].tolist())
    goal = per_class or max(before.values(), default=0)
    assert after == {name: max(n, goal) for name, n in before.items()}
    for name in before:
        times = Counter(rows[targets[rows] == name].tolist()).values()
        assert max(times) - min(times) <= 1
    assert (numbers[len(train) :] > 0).all()


def vary(images: torch.Tensor, rows: list[int], numbers: list[int], **changes: object) -> object:
    copies = replace(COPIES, **changes)  # type: ignore[arg-type]
    return vary_copies(images, np.array(rows), np.array(numbers), copies, 5)


def test_a_copy_is_the_same_wherever_it_is_looked_at_and_like_no_other() -> None:
    image = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    images = image.repeat(4, 1, 1, 1)
    found = vary(images, [3, 3, 3, 8], [0, 1, 2, 1])
    assert torch.equal(found[0], image[0])  # number 0 is the image itself
    assert len({one.numpy().tobytes() for one in found}) == 4
    alone = vary(image, [3], [2])
    assert torch.equal(alone[0], found[2])
    assert torch.equal(images, image.repeat(4, 1, 1, 1))


def test_the_amounts_are_those_of_the_recipe() -> None:
    """About 70 % are turned, by angles up to 10 degrees; without amounts nothing changes."""
    n, side = 300, 65
    still = {"rotation_degrees": 0.0, "distortion": 0.0}
    ramp = torch.linspace(0, 1, side).expand(1, 1, side, side)
    rows = list(range(n))
    images = ramp.repeat(n, 1, 1, 1)
    assert torch.allclose(vary(images, rows, [1] * n, **still), images, atol=1e-6)
    turned = vary(images, rows, [1] * n, distortion=0.0)
    # The slope of a horizontal ramp along rows and columns at its middle gives the angle.
    middle = turned[:, 0, 22:43, 22:43].numpy().astype(np.float64)
    down, across = np.gradient(middle, axis=(1, 2))
    angles = np.degrees(np.arctan2(down.mean((1, 2)), across.mean((1, 2))))
    is_turned = np.abs(angles) > 1e-3
    assert 0.6 < is_turned.mean() < 0.8
    assert 9 < np.abs(angles).max() < 10.1
    mirrored = vary(images, rows, [1] * n, mirror=True, **still)
    is_mirrored = (mirrored[:, 0, 32, 0] > mirrored[:, 0, 32, -1]).numpy()
    assert 0.4 < is_mirrored.mean() < 0.6
    assert torch.allclose(mirrored[int(np.flatnonzero(is_mirrored)[0])], ramp[0].flip(-1))


Build = Callable[..., MapClassifier]


@pytest.fixture
def learner(recipe: Recipe, cases: TrainingCases, build: Build) -> Learner:
    """Class 1 has a third of the images, and no augmentation hides the copies."""
    still = replace(recipe.augmentation, shift=0.0, brightness=0.0, contrast=0.0)
    copies = replace(COPIES, mirror=True)
    recipe = replace(
        recipe,
        augmentation=still,
        copies=copies,
        optimisation=replace(recipe.optimisation, balance="copies"),
    )
    rare = cases.train[(cases.targets[cases.train] == 0) | (cases.train % 3 == 0)]
    train = add_copies(rare, cases.targets, copies)
    learner = Learner(build(recipe), replace(cases, train=train), recipe, "cpu", "float32")
    learner.enter_stage(recipe.stages[0], {}, {})
    return learner


def test_copies_are_the_same_in_every_epoch_and_keep_their_class(
    learner: Learner, cases: TrainingCases
) -> None:
    train = learner._cases.train
    rows, numbers = split_copies(train, len(cases.pixels))
    assert numbers.any()
    assert np.bincount(learner._cases.find_targets(train)).tolist() == [20, 20]
    shown = [learner.vary_images(Place(0, epoch, 3), train) for epoch in (0, 1)]
    assert torch.allclose(shown[0], shown[1], atol=1e-6)
    stored = torch.from_numpy(cases.pixels[rows].astype(np.float32) / 65535)[:, None]
    is_same = (shown[0] - stored).abs().amax((1, 2, 3)) < 1e-5
    assert is_same.tolist() == (numbers == 0).tolist()
    targets = learner._find_targets(train)
    assert targets.tolist() == cases.targets[rows].tolist()


def test_the_learning_rate_counts_the_copies(learner: Learner) -> None:
    """An epoch of 40 images in batches of 8 is five steps: its last is not beyond the schedule."""
    learner.make_step(Place(0, 3, 4), [learner._cases.train[:8]])
    (rate,) = learner.rates.values()
    assert 0 < rate < 0.01 / 1000


def test_the_ancestors_amounts_are_what_comes() -> None:
    expected = Copies(None, 10.0, 0.7, 0.027, False)
    assert load_recipe("covid-inceptionv3").copies == expected
    asked = load_recipe("covid-inceptionv3", ["balance=copies", "copies.mirror=true"])
    assert asked.copies.mirror
    assert not asked.augmentation.mirror


def test_a_class_is_filled_up_to_one_image_or_more() -> None:
    assert load_recipe("default", ["copies_per_class=5000"]).copies.copies_per_class == 5000
    with pytest.raises(RecipeError, match="copies_per_class"):
        load_recipe("default", ["copies_per_class=0"])
