"""How much memory `cxrlens predict` takes, and how fast it is, for few files and for many.

SPDX-License-Identifier: Apache-2.0

A phantom is drawn as a JPEG file, and linked as often as asked for into a folder; `cxrlens predict
--no-overlays` then answers for so many links, each time in a process of its own. Its peak is the
largest resident memory that the system saw. Rates are those of the files that a run has more than
the one before, so that the start of a process, which is the same for all, does not count.

    python benchmarks/predict_memory.py [--files 1000 10000 100000] [--side 1414] [--bundle BUNDLE]
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import cxrlens as cxr
from cxrlens.phantom import draw_nth

LINKS = 50_000
"""Names that a file may have on every file system (ext4: 65,000); then a copy of it goes on."""


def main() -> int:
    """Run both and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--side", type=int, default=1414, help="of the JPEG file, in pixels")
    parser.add_argument("--bundle", type=Path, help="a model; without one a small one is trained")
    asked = parser.parse_args()
    print(
        "| files | peak memory, MB | s | more files a second | of its processor time, ms a file |"
    )
    print("|---|---|---|---|---|")
    before = Run(0, 0.0, 0.0, 0.0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle = asked.bundle or train_small(folder)
        image = draw(folder / "phantom.jpg", asked.side)
        for n in (1, *asked.files):
            run = measure(bundle, link(image, folder / f"many{n}", n), n)
            cells = [f"{run.n:,}", f"{run.peak:.0f}", f"{run.seconds:.1f}"]
            if before.n:
                more = run.n - before.n
                cells += [f"{more / (run.seconds - before.seconds):.0f}",
                          f"{1000 * (run.processor - before.processor) / more:.1f}"]  # fmt: skip
            print("|", " | ".join([*cells, "", ""][:5]), "|", flush=True)
            before = run
    return 0


@dataclass(frozen=True)
class Run:
    """One process of `predict`."""

    n: int
    """Files."""

    peak: float
    """Megabytes."""

    seconds: float
    """By the clock, from its start to its end."""

    processor: float
    """Seconds of all its threads."""


def draw(path: Path, side: int) -> Path:
    """Draw a phantom with the noise of a detector."""
    pixels = draw_nth(0, seed=0).pixels
    large = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 2, (side, side))
    noisy = np.clip(np.asarray(large) + noise, 0, 255)
    Image.fromarray(noisy.astype(np.uint8)).save(path, quality=90)
    return path


def link(image: Path, folder: Path, n: int) -> Path:
    """Give one file `n` names."""
    folder.mkdir()
    for number in range(n):
        path = folder / f"{number:07d}.jpg"
        if number % LINKS == 0:
            shutil.copy(image, path)
            own = path
        else:
            os.link(own, path)
    return folder


def train_small(folder: Path) -> Path:
    """Train the recipe `phantom` for one epoch on few phantoms, at its own size."""
    cxr.data.write_phantoms(folder / "data", 48)
    table = cxr.read_table(folder / "data")
    overrides = ["epochs=1", "precision=float32"]
    cxr.train(table, "phantom", overrides=overrides, out=folder / "run")
    return folder / "run" / "bundle"


def measure(bundle: Path, images: Path, n: int) -> Run:
    """Answer for a folder in a process of its own."""
    out = images.with_name(f"{images.name}-out")
    command = ["predict", str(bundle), str(images), "--no-overlays", "--out", str(out)]
    started = time.monotonic()
    child = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "cxrlens.cli", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"predict ended with {os.waitstatus_to_exitcode(status)}")
    rows = (out / "predictions.jsonl").read_bytes().count(b"\n")
    if rows != n:
        raise SystemExit(f"{rows} rows for {n} files")
    return Run(n, peak(used), seconds, used.ru_utime + used.ru_stime)


def peak(used: resource.struct_rusage) -> float:
    """Largest resident memory in MB; Linux gives kB, macOS bytes."""
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    raise SystemExit(main())
