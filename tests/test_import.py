"""The top of the house is light.

SPDX-License-Identifier: Apache-2.0
"""

import importlib
import subprocess
import sys

import pytest

import cxrlens

HEAVY = ("torch", "timm", "lightning", "pandas", "sklearn", "matplotlib", "torchvision")
SELDOM_NEEDED = (
    "sklearn", "scipy.stats", "captum", "pytorch_grad_cam", "lightning", "torchmetrics", "nncf",
    "onnxruntime", "tensorboard",
)  # fmt: skip
"""What few commands need, and what takes a quarter of the time of all imports."""

HELP = "import sys; sys.argv = ['cxrlens', '--help']; from cxrlens.cli.main import main; main()"


@pytest.mark.parametrize("code", ["import cxrlens", HELP], ids=["import cxrlens", "cxrlens --help"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    # The report has a line a module: `import time: self | cumulative | name`.
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[1].strip().partition(".")[0] for line in lines}
    assert "cxrlens" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_what_is_seldom_needed_is_not_loaded_to_answer() -> None:
    code = f"""
import sys
import cxrlens.cli.predict, cxrlens.cli.explain, cxrlens.model
assert "torch" in sys.modules
print(*[name for name in {SELDOM_NEEDED} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", cxrlens.__all__)
def test_every_public_name_is_found(name: str) -> None:
    assert getattr(cxrlens, name).__name__ == name


@pytest.mark.parametrize("name", cxrlens._PACKAGES)
def test_every_package_is_found(name: str) -> None:
    assert cxrlens.__getattr__(name) is importlib.import_module(f"cxrlens.{name}")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'read_radiogram'"):
        _ = cxrlens.read_radiogram
