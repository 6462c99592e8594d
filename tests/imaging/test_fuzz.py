"""Damaged files of every kind, through the reader in a process of its own.

SPDX-License-Identifier: Apache-2.0
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


FUZZ = load("fuzz_reader")


@pytest.fixture(scope="module")
def seeds() -> dict[str, bytes]:
    return dict(load("fuzz_seeds").make_seeds()[0])


@pytest.mark.parametrize(
    "n_files", [pytest.param(300, id="300"), pytest.param(3000, id="3000", marks=pytest.mark.slow)]
)
def test_nothing_but_refusals_comes_of_damage(
    n_files: int, seeds: dict[str, bytes], tmp_path: Path
) -> None:
    report = FUZZ.run(seeds, n_files, 5, tmp_path / "faults")
    assert report.faults == []
    assert sum(report.outcomes.values()) == n_files
    assert {kind for kind, _ in report.outcomes} == {"jpeg", "png", "tiff", "dicom"}


def test_damage_is_the_same_again_and_harms(seeds: dict[str, bytes]) -> None:
    made = [FUZZ.damage(seeds, 5, number) for number in range(100)]
    assert made == [FUZZ.damage(seeds, 5, number) for number in range(100)]
    assert sum(data != seeds[name] for name, data in made) > 90


def test_a_crash_is_seen_and_counted(seeds: dict[str, bytes], tmp_path: Path) -> None:
    """A worker that dies over a file (killed, as by a decoder) does not end the count."""
    whole = {"jpeg/grey": seeds["jpeg/grey"]}
    dying = tmp_path / "dying.py"
    dying.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "import fuzz_reader\n"
        "make = fuzz_reader.damage\n"
        "def damage(seeds, seed, number):\n"
        "    os.abort() if number == 2 else None\n"
        "    return make(seeds, seed, number)\n"
        "fuzz_reader.damage = damage\n"
        "sys.exit(fuzz_reader.main())\n"
    )
    report = FUZZ.run(whole, 4, 5, tmp_path / "faults", worker=dying)
    assert sum(report.outcomes.values()) == 4
    assert report.outcomes["jpeg", "CRASH OR HANG"] == 1
    assert len(report.faults) == 1
    assert "Aborted" in report.faults[0]  # what faulthandler says
    assert (tmp_path / "faults" / "jpeg-5-2").read_bytes() == FUZZ.damage(whole, 5, 2)[1]
