"""What tests of every package share.

SPDX-License-Identifier: Apache-2.0
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from cxrlens.cli.main import main
from cxrlens.phantom import FINDINGS, draw_nth

IS_CI = os.environ.get("CI") == "true"

CLASSES = ("covid", "normal", "pneumonia")


def miss(what: str) -> None:
    """Skip for a user, fail in CI, where everything must be there."""
    if IS_CI:
        pytest.fail(f"{what} (in CI everything must be there)")
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real radiographs and weights, which is no part of the project."""
    beside = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("CXRLENS_SHARED", beside))
    if not (folder / "data").is_dir():
        miss(f"no real radiographs in {folder}: set CXRLENS_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser."""
    path = shutil.which("chromium")
    if path is None:
        miss("no chromium: apt-get install chromium")
    return str(path)


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flat folder of three classes with masks: 72 phantoms of 48 patients."""
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    findings = tuple(name for name in FINDINGS if name in CLASSES)
    for number in range(72):
        phantom = draw_nth(number, seed=7, findings=findings)
        name = f"phantom{2 * (number // 3) + number % 3 // 2:05d}_{number % 3 % 2}.png"
        save(folder / phantom.label / name, phantom.pixels)
        if phantom.lesion.any():
            save(folder / "masks" / phantom.label / name, phantom.lesion)
    return folder


def save(path: Path, pixels: object) -> None:
    """Write an array as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]
"""Runs `cxrlens` with the arguments given."""


@pytest.fixture
def cxrlens(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, in this process."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["cxrlens", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        text = capfd.readouterr()
        return Outcome(int(stop.value.code or 0), text.out, text.err)

    return run


@pytest.fixture(scope="session")
def quick() -> list[str]:
    """Overrides by which the recipe `phantom` trains in a second."""
    sizes = ["height=64", "width=64", "network.options.width=8"]
    return [*sizes, "epochs=2", "precision=float32"]
