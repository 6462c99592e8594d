"""How many images a second are decoded, and how many are taken from the store of decoded images.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/store_speed.py [FILE …] [--images N] [--repeats N] [--workers N]

The loader alone, at 224 x 224 pixels: decoding again (without a store), against what a second
epoch or a second run does (files are read, identified and looked up; every image is proved by its
checksum again, since the store is opened anew each time). Without files, phantoms are drawn and
written as JPEGs of 2 megapixels (bicubic, quality 90). Both in turns, so that what else the
machine does strikes both; the files lie in the system's cache. The speed is by processor time of
all threads and by the clock; the ratio is of two runs next to each other.
"""

import argparse
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from cxrlens.imaging import DecodedImages, PixelStore, Preprocessing, decode
from cxrlens.phantom import draw_nth

STEP = Preprocessing(224, 224)
SIZE = (1600, 1250)
"""Columns and rows of the phantoms: 2 megapixels."""

WAYS = ("decoded again", "from the store")
CLOCKS = {"processor": time.process_time, "clock": time.perf_counter}


def main() -> None:
    """Print the machine, and images a second with medians, quartiles and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = options.files or write_phantoms(Path(folder), options.images)
        tell_machine(files, options.workers)
        measure(files, Path(folder) / "store", options.repeats, options.workers)


def write_phantoms(folder: Path, n: int) -> list[str]:
    """Write phantoms as JPEGs of 2 megapixels."""
    paths = []
    for i in range(n):
        paths.append(str(folder / f"{i}.jpg"))
        image = Image.fromarray(draw_nth(i, seed=0).pixels)
        image.resize(SIZE, Image.Resampling.BICUBIC).save(paths[-1], quality=90)
    return paths


def tell_machine(files: list[str], workers: int) -> None:
    """Print what the figures hold for."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("cxrlens", "pillow", "numpy"))
    n_bytes = np.mean([Path(path).stat().st_size for path in files])
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}, {versions}; {len(files)} files of {n_bytes / 1e3:.0f} kB, "
        f"{workers} threads"
    )


def measure(files: list[str], folder: Path, repeats: int, workers: int) -> None:
    """Read all files both ways in turns."""
    wanted = decode(files, STEP, workers=workers, store=PixelStore(folder))
    seconds = {way: {clock: [] for clock in CLOCKS} for way in WAYS}
    for _ in range(repeats):
        for way in WAYS:
            starts = {clock: read() for clock, read in CLOCKS.items()}
            store = PixelStore(folder) if way == "from the store" else None
            found = decode(files, STEP, workers=workers, store=store)
            touch(found)
            for clock, read in CLOCKS.items():
                seconds[way][clock].append(read() - starts[clock])
            if not np.array_equal(found.pixels, wanted.pixels):
                raise SystemExit(f"{way}: the pixels are others")
    for clock in CLOCKS:
        slow, fast = (np.array(seconds[way][clock]) for way in WAYS)
        for way, taken in zip(WAYS, (slow, fast), strict=True):
            print(f"{way:15} {tell(len(files) / taken, 1)} images a second by {clock} time")
        print(f"{'times as fast':15} {tell(slow / fast, 1)} by {clock} time")


def touch(images: DecodedImages) -> None:
    """Read every pixel, as an epoch would."""
    images.pixels.sum(dtype=np.int64)


def tell(values: np.ndarray, digits: int) -> str:
    """Median and quartiles."""
    low, middle, high = (f"{value:.{digits}f}" for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return f"{middle} ({low}–{high})"


if __name__ == "__main__":
    main()
