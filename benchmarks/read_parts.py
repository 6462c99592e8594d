"""What reading an image for a network is made of, and what a second thread gains.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/read_parts.py [--images FOLDER] [--megapixels 2] [--files 32] [--repeats 9]

JPEG files as for `predict_speed.py`. Of every part the processor time of one thread, the least of
all turns for every file, in turns; and the clock of all files with one thread and with as many as
there are cores, medians. "fastest" is the decoding and shrinking that the limit of `predict` has.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxrlens.benchmark import describe_machine, write_sample
from cxrlens.benchmark.answering_speed import decode_fast
from cxrlens.imaging import Preprocessing, check_quality, count_cores, stream
from cxrlens.imaging.read_image import read_image
from cxrlens.imaging.reading import load_scan


def main() -> None:
    """Print a line a part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=Path)
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print(describe_machine().words, flush=True)
    sources = [] if options.images is None else sorted(map(str, options.images.rglob("*.*g")))
    step = Preprocessing(224, 224)
    with tempfile.TemporaryDirectory() as scratch:
        paths = write_sample(Path(scratch), options.files, options.megapixels, sources)
        files = list(map(str, paths))
        scans = [load_scan(file, step)[0] for file in files]
        parts: dict[str, Callable[[int], object]] = {
            "fastest": lambda at: decode_fast(files[at], step),
            "decoding": lambda at: load_scan(files[at], step),
            "quality": lambda at: check_quality(files[at], scans[at]),
            "shrinking": lambda at: step.apply(scans[at].pixels, scans[at].reduction),
            "all": lambda at: read_image(files[at], step),
        }
        spent = {name: np.full(len(files), np.inf) for name in parts}
        for _ in range(options.repeats):
            for at in range(len(files)):
                for name, work in parts.items():
                    begun = time.thread_time()
                    work(at)
                    spent[name][at] = min(spent[name][at], time.thread_time() - begun)
        for name, seconds in spent.items():
            print(f"{name:10s} {1000 * seconds.mean():6.2f} ms of processor time an image")
        for workers in (1, count_cores()):
            clocks = []
            for _ in range(options.repeats):
                begun = time.perf_counter()
                n = sum(1 for _ in stream(files, step, workers=workers))
                clocks.append((time.perf_counter() - begun) / n)
            print(f"{workers} thread(s) {1000 * np.median(clocks):6.2f} ms on the clock an image")


if __name__ == "__main__":
    main()
