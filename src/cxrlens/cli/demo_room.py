"""What `cxrlens serve --demo` needs: a model trained on phantoms, and phantoms to read.

SPDX-License-Identifier: Apache-2.0
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say

FOLDER = Path("runs/serve-demo")
"""Where it is kept for the next time."""

PARTS = {"train": 1200, "val": 240, "test": 36}
"""Phantoms a part; those of `test` are read in the room."""

SETTINGS = ("stages.1.epochs=15", "seed=0")
"""Shorter than `cxrlens demo`: the room is to be seen, not the model."""


def prepare_demo(folder: Path = FOLDER) -> tuple[Path, "Callable[[cxr.serving.Room], None]"]:
    """Make a model and images, where an earlier time has not.

    Args:
        folder: where they are kept.

    Returns:
        The bundle, and what hands the images to a new room.

    Raises:
        InputError: if the folder cannot be used.
    """
    bundle, data = folder / "model" / "bundle", folder / "data"
    if not bundle.exists():
        _make(folder)
    return bundle, lambda room: _fill(room, data / "test")


def _make(folder: Path) -> None:
    """Draw and train beside, so that the folder appears whole or not at all."""
    say(f"drawing radiographs and training a small model on them, once: {folder}")
    recipe = cxr.training.load_recipe("phantom", list(SETTINGS))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".serve-demo-", dir=folder.parent) as made,
        open_progress() as progress,
    ):
        making = Path(made) / "whole"
        with cxr.training.claim_run_folder(making / "model", "serve-demo") as run:
            cxr.data.write_phantoms(making / "data", PARTS, processes=2, progress=progress)
            table = cxr.read_table(making / "data")
            cxr.model.run_training(table, recipe, run, progress=progress)
        making.rename(folder)


def _fill(room: "cxr.serving.Room", images: Path) -> None:
    """Hand the images of each phantom patient in, unless the room has had them."""
    sender = cxr.serving.find_or_add_person(room, "demonstration", "reader")
    # Shuffled by their names, so that the order says nothing of the class.
    paths = sorted(images.glob("*/*.png"), key=lambda path: path.name)
    for path in paths:
        with path.open("rb") as file:
            patient = path.stem.partition("_")[0]
            for _ in cxr.serving.receive(room, sender, iter([file]), patient):
                pass
