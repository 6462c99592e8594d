"""A trained run that tests of the commands share."""

from pathlib import Path

import pytest

from cxrlens.data import read_table
from cxrlens.model import run_training
from cxrlens.training import load_recipe


@pytest.fixture(scope="session")
def bundle(
    phantom_folder: Path, quick: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The bundle of a model of three classes."""
    folder = tmp_path_factory.mktemp("run")
    run_training(read_table(phantom_folder), load_recipe("phantom", quick), folder)
    return folder / "bundle"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in a folder of their own, where `runs/` counts up."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
