"""What tests of every package share.

SPDX-License-Identifier: Apache-2.0
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from PIL import Image

from cxrlens.cli.main import main
from cxrlens.phantom import FINDINGS, draw_nth

# A busy machine is no fault of the code: what takes too long is ended by pytest's own timeout.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

IS_CI = os.environ.get("CI") == "true"

CLASSES = ("covid", "normal", "pneumonia")


def miss(what: str) -> None:
    """Skip for a user, fail in CI, where everything must be there."""
    if IS_CI:
        pytest.fail(f"{what} (in CI everything must be there)")
    pytest.skip(what)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Networks this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
def java() -> str:
    """What the HTML validator runs in."""
    path = shutil.which("java")
    if path is None:
        miss("no java: apt-get install default-jre-headless")
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


@pytest.fixture(scope="session")
def several_labels(phantom_folder: Path) -> Path:
    """A table of the phantoms with three labels an image: there, not there, uncertain, missing."""
    path = phantom_folder.parent / "labels.csv"
    lines = ["path,patient_id,label:pneumonia,label:covid,label:opacity"]
    for number, image in enumerate(sorted(phantom_folder.glob("[cnp]*/*.png"))):
        name = image.parent.name
        cells = [str(int(is_so)) for is_so in (name == "pneumonia", name == "covid",
                                               name != "normal")]  # fmt: skip
        if number % 7 == 3:
            cells[number % 3] = "-1"
        if number % 11 == 5:
            cells[number % 3] = ""
        lines.append(",".join([str(image), image.name[:12], *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


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


@dataclass(frozen=True)
class Demo:
    """The demo has run here, as after `make demo`."""

    folder: Path
    """Where it was called; it wrote `runs/demo`."""

    outcome: Outcome
    """What `cxrlens demo --json` came to."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo at full size, once for all tests that want it: minutes of a processor core."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "cxrlens.cli", "demo", "--json"],
        cwd=folder, env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Demo(folder, Outcome(done.returncode, done.stdout, done.stderr))


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
