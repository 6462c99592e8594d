"""A small trained model that tests of answering and examining share."""

from dataclasses import replace
from pathlib import Path

import pytest

from cxrlens.data import read_table
from cxrlens.model import Training, run_training
from cxrlens.training import Recipe, load_recipe


@pytest.fixture(scope="session")
def quick_recipe(quick: list[str]) -> Recipe:
    """Trains in a second."""
    return load_recipe("phantom", quick)


@pytest.fixture(scope="session")
def training(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Training:
    """One training on phantoms."""
    folder = tmp_path_factory.mktemp("run")
    return run_training(read_table(phantom_folder), quick_recipe, folder)


@pytest.fixture(scope="session")
def several(
    several_labels: Path, quick_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Training:
    """One training on phantoms with several labels an image."""
    folder = tmp_path_factory.mktemp("several")
    return run_training(read_table(several_labels), quick_recipe, folder)


@pytest.fixture(scope="session")
def other(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Training:
    """Another training on the same phantoms, on another split."""
    folder = tmp_path_factory.mktemp("other")
    return run_training(read_table(phantom_folder), replace(quick_recipe, seed=1), folder)
