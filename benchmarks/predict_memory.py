"""How much memory `cxrlens predict` takes, and how fast it is, for few files and for many.

SPDX-License-Identifier: Apache-2.0

A phantom is drawn as JPEG of two megapixels, and linked as often as asked for into a folder;
`cxrlens predict --no-overlays` then answers for the first 1,000 links and for all of them, each
time in a process of its own. Its peak is the largest resident memory that the system saw; the rate
and the processor time are those of the whole process, from its start to its end.

    python benchmarks/predict_memory.py [--files 10000] [--bundle BUNDLE]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import cxrlens as cxr
from cxrlens.phantom import draw_nth

FEW = 1000
SIDE = 1414


def main() -> int:
    """Run both and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="how many are many")
    parser.add_argument("--bundle", type=Path, help="a model; without one a small one is trained")
    asked = parser.parse_args()
    print("| files | peak memory, MB | files a second | of its processor time, ms a file |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle = asked.bundle or train_small(folder)
        image = draw_large(folder / "phantom.jpg")
        for n in (FEW, asked.files):
            print("|", " | ".join(measure(bundle, link(image, folder / f"many{n}", n), n)), "|")
    return 0


def draw_large(path: Path) -> Path:
    """Draw a phantom of two megapixels with the noise of a detector."""
    pixels = draw_nth(0, seed=0).pixels
    large = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 2, (SIDE, SIDE))
    noisy = np.clip(np.asarray(large) + noise, 0, 255)
    Image.fromarray(noisy.astype(np.uint8)).save(path, quality=90)
    return path


def link(image: Path, folder: Path, n: int) -> Path:
    """Give one file `n` names."""
    folder.mkdir()
    for number in range(n):
        os.link(image, folder / f"{number:07d}.jpg")
    return folder


def train_small(folder: Path) -> Path:
    """Train the recipe `phantom` for one epoch on few phantoms, at its own size."""
    cxr.data.write_phantoms(folder / "data", 48)
    table = cxr.read_table(folder / "data")
    overrides = ["epochs=1", "precision=float32"]
    cxr.train(table, "phantom", overrides=overrides, out=folder / "run")
    return folder / "run" / "bundle"


def measure(bundle: Path, images: Path, n: int) -> list[str]:
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
    return [f"{n:,}", f"{peak(used):.0f}", f"{n / seconds:.0f}",
            f"{1000 * (used.ru_utime + used.ru_stime) / n:.1f}"]  # fmt: skip


def peak(used: resource.struct_rusage) -> float:
    """Largest resident memory in MB; Linux gives kB, macOS bytes."""
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    raise SystemExit(main())
