"""How long `cxrlens predict` takes for one image in a new process, and what of it is ours.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/cold_start.py BUNDLE IMAGE [--precision P] [--repeats N]

The engine's compiled network is kept beside the bundle; a first run that does not count puts it
there, and tells which modules the command imports. Each process then imports these first, so that
the time of imports stands alone, and runs the command without overlays. "engine" is what OpenVINO
does (start, taking up the compiled network, the image), "decode" is what Pillow does. The rest is
ours: reading and checking the bundle, making its network, checking the image, the answer and its
files. The clock and the processor time of all threads are told beside each other.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from typing import Any

import numpy as np

STAGES = ("imports", "engine", "decode", "ours")
CLOCKS = (time.perf_counter, time.process_time)
TOLD = "cold start: "


def main() -> None:
    """Print a line a stage, with medians and quartiles."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("bundle")
    parser.add_argument("image")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        answer(options.bundle, options.image, options.precision, json.load(sys.stdin))
        return
    modules = start(options, [])["modules"]
    turns = [start(options, modules) for _ in range(options.repeats)]
    print(f"{options.repeats} processes, median (quartiles), ms; load {os.getloadavg()[0]:.1f}")
    print(f"{'stage':12s}{'clock':>28s}{'processor':>28s}")
    for stage in ("process", *STAGES):
        cells = [tell([turn[stage][at] for turn in turns]) for at in (0, 1)]
        print(f"{stage:12s}{cells[0]:>28s}{cells[1]:>28s}")


def start(options: argparse.Namespace, modules: list[str]) -> dict[str, Any]:
    """Run one process; give its stages in seconds by the clock and by processor time."""
    command = [sys.executable, __file__, options.bundle, options.image]
    command += ["--precision", options.precision, "--inside"]
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603 (this very file)
        command, check=True, input=json.dumps(modules), stdout=subprocess.PIPE, text=True
    )
    seconds = time.perf_counter() - begun
    told = next(line for line in done.stdout.splitlines() if line.startswith(TOLD))
    found: dict[str, Any] = json.loads(told.removeprefix(TOLD))
    found["process"] = [seconds, found["process"]]
    return found


def answer(bundle: str, image: str, precision: str, modules: list[str]) -> None:
    """Do what the command does, and print what its stages took."""
    begun = read_clocks()
    for name in modules:
        with suppress(ImportError):
            import_module(name)
    spent = {"imports": read_clocks() - begun, "engine": np.zeros(2), "decode": np.zeros(2)}
    main_module = import_module("cxrlens.cli.main")
    engine = import_module("cxrlens.inference.openvino_engine").OpenVinoEngine
    decoder = import_module("cxrlens.imaging.decoding").Decoder
    for stage, owner, name in (
        ("engine", engine, "__init__"), ("engine", engine, "run"),
        ("decode", decoder, "decode"), ("decode", decoder, "decode_reduced"),
    ):  # fmt: skip
        setattr(owner, name, watch(getattr(owner, name), spent[stage]))
    with tempfile.TemporaryDirectory() as folder:
        begun = read_clocks()
        words = ["predict", bundle, image, "--no-overlays", "--out", f"{folder}/answers"]
        words += ["--engine", "openvino", "--precision", precision]
        with suppress(SystemExit):
            main_module.app(words)
        command = read_clocks() - begun
    spent["ours"] = command - spent["engine"] - spent["decode"]
    told: dict[str, object] = {stage: spent[stage].tolist() for stage in STAGES}
    told |= {"process": time.process_time(), "modules": list(sys.modules)}
    print(f"\n{TOLD}{json.dumps(told)}")


def watch(work: Callable[..., Any], spent: np.ndarray) -> Callable[..., Any]:
    """Add what a call takes to `spent`."""

    @wraps(work)
    def watched(*given: object, **named: object) -> object:
        begun = read_clocks()
        try:
            return work(*given, **named)
        finally:
            np.add(spent, read_clocks() - begun, out=spent)

    return watched


def read_clocks() -> np.ndarray:
    """Give seconds by the clock and of processor time."""
    return np.array([clock() for clock in CLOCKS])


def tell(seconds: list[float]) -> str:
    """Give the median and the quartiles in milliseconds."""
    low, middle, high = 1000 * np.quantile(seconds, [0.25, 0.5, 0.75])
    return f"{middle:.0f} ({low:.0f}–{high:.0f})"


if __name__ == "__main__":
    main()
