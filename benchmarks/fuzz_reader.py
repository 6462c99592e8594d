"""Damaged image files are put through the real reader, and what comes of it is counted.

    python benchmarks/fuzz_reader.py 100000 --seed 1 --keep faults

SPDX-License-Identifier: Apache-2.0

Whole files of every kind (`fuzz_seeds.py`) are damaged at random and read by `read_radiograph` in
a process of their own, so that a crash of a decoder is seen and counted. A refusal is a good
answer, and so is a radiograph; everything else is a fault: an error that is not `ImageRefused`, a
warning of Python's, a crash, more than 10 seconds, more than 1 GB. Faults are kept with the file
that made them. The exit status is 1 if there are any. The same number and seed give the same files.
"""

import argparse
import json
import os
import resource
import selectors
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import numpy as np

MAX_SECONDS = 10
MAX_BYTES = 1_000_000_000
_ADDRESS_SPACE = 6_000_000_000
"""What a worker may map: a runaway decoder must not take the machine down."""

_HEADER = 600
"""Half of all damage is done to so many first bytes."""

_EXTREMES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)
_EXTREMES += (0xFFFFFFFE, 0xFFFFFFFF)


@dataclass
class Report:
    """What came of the files."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Number of files by kind and outcome: `read`, the reason of a refusal, or a fault."""

    faults: list[str] = field(default_factory=list)
    """What must not happen, each with the place of the file that did it."""

    slowest: tuple[float, str] = (0.0, "")
    """Seconds, and which file."""

    largest: tuple[int, str] = (0, "")
    """Greatest memory of the reading process in bytes, and the file that was read then."""


# --- damage ---------------------------------------------------------------------------------


def damage(seeds: dict[str, bytes], seed: int, number: int) -> tuple[str, bytes]:
    """Make the damaged file of a number.

    Args:
        seeds: whole files by `kind/variant`.
        seed: of the whole run.
        number: of the file in it.

    Returns:
        The seed's name and the damaged bytes.
    """
    rng = np.random.default_rng([seed, number])
    name = str(rng.choice(sorted(seeds)))
    data = bytearray(seeds[name])
    for _ in range(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1])):
        kind = rng.choice(len(_DAMAGES), p=_SHARES)
        data = _DAMAGES[kind](rng, data, seeds)
    if data[:4] == b"\x89PNG" and rng.random() < 0.7:
        data = _mend_checksums(data)  # else nothing behind them would ever be tried
    return name, bytes(data)


def _place(rng: np.random.Generator, data: bytearray) -> int:
    """Where to do damage."""
    limit = max(1, len(data))
    return int(rng.integers(min(_HEADER, limit) if rng.random() < 0.5 else limit))


def _flip_bits(rng: np.random.Generator, data: bytearray, _: dict[str, bytes]) -> bytearray:
    for _bit in range(rng.choice([1, 2, 4, 16]) if data else 0):
        data[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return data


def _overwrite(rng: np.random.Generator, data: bytearray, _: dict[str, bytes]) -> bytearray:
    start, length = _place(rng, data), int(rng.integers(1, 65))
    fill = (bytes(length), b"\xff" * length, rng.bytes(length))[int(rng.integers(3))]
    data[start : start + length] = fill[: len(data) - start]
    return data


def _cut(rng: np.random.Generator, data: bytearray, _: dict[str, bytes]) -> bytearray:
    return data[: int(rng.integers(len(data) + 1))]


def _splice(rng: np.random.Generator, data: bytearray, seeds: dict[str, bytes]) -> bytearray:
    """The front of this file, the back of another, mostly of the same kind."""
    same = [one for one in seeds.values() if one[:2] == data[:2]]
    others = same if same and rng.random() < 0.8 else list(seeds.values())
    other = others[int(rng.integers(len(others)))]
    start = _place(rng, data)
    behind = start if rng.random() < 0.7 else int(rng.integers(len(other)))
    return data[:start] + bytearray(other[behind:])


def _set_number(rng: np.random.Generator, data: bytearray, _: dict[str, bytes]) -> bytearray:
    """Overwrite what may be a length, a count, a width with an extreme."""
    size = int(rng.choice([1, 2, 4, 8]))
    value = int(rng.choice(_EXTREMES)) & (256**size - 1)
    start = _place(rng, data)
    written = value.to_bytes(size, "big" if rng.random() < 0.5 else "little")
    data[start : start + size] = written[: max(0, len(data) - start)]
    return data


def _move(rng: np.random.Generator, data: bytearray, _: dict[str, bytes]) -> bytearray:
    """Take a run out, and perhaps put it in elsewhere, or leave it and put in a copy."""
    start, length = _place(rng, data), int(rng.integers(1, 257))
    run = data[start : start + length]
    if rng.random() < 0.5:
        del data[start : start + length]
    if rng.random() < 0.7:
        target = _place(rng, data)
        data[target:target] = run
    return data


_DAMAGES = (_flip_bits, _overwrite, _cut, _splice, _set_number, _move)
_SHARES = (0.25, 0.15, 0.08, 0.15, 0.27, 0.10)


def _mend_checksums(data: bytearray) -> bytearray:
    start = 8
    while start + 12 <= len(data):
        length = struct.unpack_from(">I", data, start)[0]
        end = start + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[start + 4 : end]))
        start = end + 4
    return data


# --- the reading process --------------------------------------------------------------------


def work(folder: Path, seed: int, start: int, stop: int) -> None:
    """Read the files of numbers `start` to `stop`; a line of JSON to standard output for each."""
    from cxrlens.imaging import read_radiograph  # noqa: PLC0415 (the parent does without)
    from cxrlens.vocabulary import ImageRefused  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    seeds = read_seeds(folder)
    path = folder / "damaged"
    warnings.simplefilter("error")
    for number in range(start, stop):
        name, data = damage(seeds, seed, number)
        path.write_bytes(data)
        reset_peak()
        begin = time.perf_counter()
        try:
            pixels = read_radiograph(path).pixels
            is_good = 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
            outcome = "read" if is_good else "FAULT pixels outside [0, 1]"
        except ImageRefused as error:
            outcome = error.reason
        except Exception as error:  # any is a fault that is to be counted
            outcome = f"FAULT {type(error).__name__}: {str(error)[:200]}"
        seconds = time.perf_counter() - begin
        print(json.dumps([number, name, outcome, seconds, measure_peak()]), flush=True)


def reset_peak() -> None:
    """Forget the greatest memory so far, which would hide that of the next file."""
    Path("/proc/self/clear_refs").write_text("5")


def measure_peak() -> int:
    """Give the greatest memory since then in bytes.

    Not by `getrusage`: a new process inherits its parent's there.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def read_seeds(folder: Path) -> dict[str, bytes]:
    """Give the whole files that `run` has put in a folder."""
    return {
        path.name.replace("__", "/"): path.read_bytes() for path in (folder / "seeds").iterdir()
    }


# --- the counting process -------------------------------------------------------------------


def run(
    seeds: dict[str, bytes], n_files: int, seed: int, keep: Path, worker: Path = Path(__file__)
) -> Report:
    """Damage and read files, and count.

    Args:
        seeds: whole files by `kind/variant`.
        n_files: how many damaged files.
        seed: of the damage.
        keep: the folder for files that made faults; made when needed.
        worker: the program that reads.

    Returns:
        The counts.
    """
    report = Report()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "seeds").mkdir()
        for name, data in seeds.items():
            (folder / "seeds" / name.replace("/", "__")).write_bytes(data)
        at = 0
        while at < n_files:
            for number, name, outcome, seconds, peak in _supervise(
                worker, folder, seed, at, n_files
            ):
                _count(report, name, outcome, (seconds, peak))
                if report.faults and report.faults[-1].endswith("?"):
                    report.faults[-1] = (
                        f"{outcome} ({seconds:.1f} s, {peak / 1e6:.0f} MB) in {name}: "
                        f"{_keep(seeds, seed, number, keep)}"
                    )
                at = number + 1
            if at < n_files:  # the process died over this one
                name, _ = damage(seeds, seed, at)
                words = (folder / "stderr").read_text(errors="replace")
                words = words[max(0, words.rfind("Fatal Python error")) :][:1500]
                report.outcomes[_kind(name), "CRASH OR HANG"] += 1
                report.faults.append(
                    f"crash or hang in {name}: {_keep(seeds, seed, at, keep)}\n{words}"
                )
                at += 1
    return report


def _supervise(
    worker: Path, folder: Path, seed: int, start: int, stop: int
) -> Iterator[tuple[int, str, str, float, int]]:
    """Give what a reading process says, until it ends, dies, or says nothing for too long."""
    command = [sys.executable, "-X", "faulthandler", str(worker), "0", "--work", str(folder)]
    command += [f"--seed={seed}", f"--start={start}", f"--stop={stop}"]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)  # noqa: S603
    said = cast("IO[bytes]", process.stdout)
    ready = selectors.DefaultSelector()
    ready.register(said, selectors.EVENT_READ)
    patience = 60.0  # it loads its libraries first
    try:
        pending = b""
        while ready.select(patience):
            chunk = os.read(said.fileno(), 65536)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                yield tuple(json.loads(line))
            patience = MAX_SECONDS + 2
    finally:
        process.kill()
        process.wait()
        said.close()
        ready.close()


def _count(report: Report, name: str, outcome: str, cost: tuple[float, int]) -> None:
    """Note a file; a fault ends in `?` until its file is kept."""
    seconds, peak = cost
    report.outcomes[_kind(name), outcome.partition(":")[0]] += 1
    report.slowest = max(report.slowest, (seconds, f"{name} ({outcome})"))
    report.largest = max(report.largest, (peak, f"{name} ({outcome})"))
    if outcome.startswith("FAULT") or seconds > MAX_SECONDS or peak > MAX_BYTES:
        report.faults.append("?")


def _keep(seeds: dict[str, bytes], seed: int, number: int, keep: Path) -> Path:
    keep.mkdir(parents=True, exist_ok=True)
    name, data = damage(seeds, seed, number)
    path = keep / f"{_kind(name)}-{seed}-{number}"
    path.write_bytes(data)
    return path


def _kind(name: str) -> str:
    return name.partition("/")[0]


def show(report: Report) -> None:
    """Print the counts."""
    kinds = sorted({kind for kind, _ in report.outcomes})
    totals = Counter[str]()
    for (_, outcome), count in report.outcomes.items():
        totals[outcome] += count
    print(f"{'outcome':32}" + "".join(f"{kind:>10}" for kind in kinds) + f"{'all':>10}")
    for outcome, total in totals.most_common():
        counts = "".join(f"{report.outcomes[kind, outcome]:10}" for kind in kinds)
        print(f"{outcome[:31]:32}{counts}{total:10}")
    print(f"slowest: {report.slowest[0]:.2f} s, {report.slowest[1]}")
    print(f"greatest memory: {report.largest[0] / 1e6:.0f} MB, at {report.largest[1]}")
    for fault in report.faults:
        print(f"fault: {fault}")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_files", type=int, help="number of damaged files")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--keep", type=Path, default=Path("faults"), help="for files with faults")
    parser.add_argument("--only", default="", help="kinds, such as jpeg,png; all by default")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--stop", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work is not None:
        work(given.work, given.seed, given.start, given.stop)
        return 0
    from fuzz_seeds import make_seeds  # noqa: PLC0415 (the reading process does without)

    seeds, notes = make_seeds()
    kinds = set(given.only.split(",")) if given.only else {_kind(name) for name in seeds}
    chosen = {name: data for name, data in seeds.items() if _kind(name) in kinds}
    begin = time.monotonic()
    report = run(chosen, given.n_files, given.seed, given.keep)
    print("\n".join([*notes, f"{given.n_files:,} files in {time.monotonic() - begin:.0f} s"]))
    show(report)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
