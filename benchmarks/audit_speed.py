"""How long an audit of many images takes, and how much memory.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/audit_speed.py FOLDER [--images N]

Phantoms are drawn into FOLDER, all different, three images of two patients; what is there already
is not drawn again. The audit is a process of its own, without a network and without pictures in
its page, so that the figures are those of the command.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image

from cxrlens.phantom import draw_nth

SEED = 11


def draw(number: int, folder: Path) -> tuple[str, str, str]:
    """Draw one phantom; give what the table says of it."""
    phantom = draw_nth(number, SEED)
    name = f"{number:06d}.png"
    Image.fromarray(phantom.pixels).save(folder / name)
    return name, phantom.label, phantom.patient_id


def draw_all(folder: Path, n: int) -> Path:
    """Give the table of n phantoms, drawn if they are not there."""
    table = folder / f"{n}.csv"
    if not table.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            rows = pool.map(partial(draw, folder=folder), range(n), chunksize=50)
        pd.DataFrame(rows, columns=["image", "label", "patient_id"]).to_csv(table, index=False)
    return table


def main() -> None:
    """Print images a second, processor time and peak memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    table = draw_all(options.folder, options.images)
    command = [sys.executable, "-m", "cxrlens.cli", "audit", str(table), "--no-images"]
    start, load = time.perf_counter(), os.getloadavg()[0]
    command += ["--out", str(options.folder / "audit")]
    audit = subprocess.Popen(command)  # noqa: S603
    _, status, used = os.wait4(audit.pid, 0)
    seconds = time.perf_counter() - start
    processor = used.ru_utime + used.ru_stime
    print(
        f"{options.images} images: {seconds:.0f} s on the clock ({options.images / seconds:.1f} "
        f"images a second), {processor:.0f} s of processor time "
        f"({1000 * processor / options.images:.0f} ms an image), peak memory "
        f"{used.ru_maxrss / 2**20:.2f} GiB; exit code {os.waitstatus_to_exitcode(status)}; "
        f"{load:.1f} other processes wanted a core when it began"
    )


if __name__ == "__main__":
    main()
