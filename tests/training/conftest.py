"""Small cases and a small network that tests of training share."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cxrlens.network import MapClassifier, build_classifier
from cxrlens.training import Recipe, load_recipe
from cxrlens.training.cases import TrainingCases

Build = Callable[[Recipe], MapClassifier]
"""Builds the same network each time."""

SMALL = ["height=32", "width=32", "network.options.width=4", "precision=float32", "batch_size=8"]
"""Overrides by which the recipe `phantom` trains an epoch of the cases in a tenth of a second."""


class Count:
    """Counts steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    def advance(self, task: str, done: int, total: int) -> None:
        self.steps.append((task, done, total))


@pytest.fixture
def count() -> Count:
    return Count()


@pytest.fixture(scope="session")
def small() -> list[str]:
    return SMALL


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("phantom", [*SMALL, "epochs=4", "learning_rate=0.01"])


@pytest.fixture
def cases() -> TrainingCases:
    """Class 1 is bright on the left, class 0 on the right."""
    return draw_cases(np.arange(60) % 2)


def draw_cases(targets: np.ndarray) -> TrainingCases:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 20000, (60, 32, 32)).astype(np.uint16)
    is_left = targets if targets.ndim == 1 else targets[:, 0] == 1
    for image, left in zip(pixels, is_left, strict=True):
        image[:, slice(0, 16) if left else slice(16, 32)] += 20000
    k = 2 if targets.ndim == 1 else targets.shape[1]
    return TrainingCases(pixels, targets, np.arange(40), np.arange(40, 60), k)


@pytest.fixture
def build() -> Build:
    def build_one(recipe: Recipe, n_classes: int = 2) -> MapClassifier:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            size = (recipe.preprocessing.height, recipe.preprocessing.width)
            return build_classifier(recipe.network, n_classes, size)

    return build_one


@pytest.fixture(scope="session")
def several_labels() -> TrainingCases:
    """Class 0 is bright on the left, class 1 its opposite; a third of the labels is not known."""
    random = np.random.default_rng(1)
    first = (np.arange(60) % 2).astype(np.float32)
    targets = np.stack([first, 1 - first, random.integers(0, 2, 60).astype(np.float32)], axis=1)
    targets[random.random((60, 3)) < 0.3] = np.nan
    targets[:, 0] = first
    return draw_cases(targets)


def states_equal(ours: MapClassifier, theirs: MapClassifier) -> bool:
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


@pytest.fixture(scope="session")
def is_same() -> Callable[[MapClassifier, MapClassifier], bool]:
    return states_equal
