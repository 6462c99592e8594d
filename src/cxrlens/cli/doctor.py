"""`cxrlens doctor`.

SPDX-License-Identifier: Apache-2.0
"""

import os
import platform
import shutil

import cxrlens as cxr
from cxrlens.cli.console import show_json, show_table
from cxrlens.cli.extras import EXTRAS, find_version, list_missing
from cxrlens.cli.options import JsonOption

PACKAGES = (
    "cxrlens", "torch", "torchvision", "timm", "lightning", "openvino", "onnx", "onnxruntime",
    "numpy", "pandas", "pillow", "pydicom", "pyjpegls", "python-gdcm", "h5py", "pyarrow",
    "tensorboard",
)  # fmt: skip
"""What every command needs."""

PROGRAMS = ("chromium", "dcmj2pnm")
"""Looked for by the tests: a browser, and DCMTK."""


def doctor(as_json: JsonOption = False) -> None:
    """Tell what is installed, what is missing, and which engine would run."""
    facts: dict[str, str] = {"python": platform.python_version()}
    facts |= {name: find_version(name) or "missing" for name in PACKAGES}
    for extra in EXTRAS:
        missing = list_missing(extra)
        hint = f'pip install "cxrlens[{extra}]" (missing: {", ".join(missing)})'
        facts[f"extra {extra}"] = hint if missing else "installed"
    facts |= {name: shutil.which(name) or "not found" for name in PROGRAMS}
    device = cxr.inference.choose_device()
    speedup = cxr.training.measure_bfloat16_speedup()
    facts["processor cores"] = str(len(os.sched_getaffinity(0)))
    facts["engine"] = cxr.inference.resolve_engine("auto", "float32") + ", float32"
    facts["bfloat16 on the processor"] = f"{speedup:.1f} times as fast as float32 here"
    facts["training arithmetic"] = cxr.training.choose_precision(
        cxr.training.load_recipe("default").optimisation, device
    )
    if as_json:
        show_json(facts)
    else:
        show_table(["what", "found"], [[name, found] for name, found in facts.items()])
