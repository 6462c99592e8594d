"""Figures of speed become JSON, a table and a picture.

SPDX-License-Identifier: Apache-2.0
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrlens.benchmark.answering_speed import REFERENCE, AnsweringSpeed
from cxrlens.benchmark.machine import Machine
from cxrlens.benchmark.race import Quartiles
from cxrlens.benchmark.speed_chart import draw_speed
from cxrlens.imaging import write_whole
from cxrlens.report import save_figure
from cxrlens.vocabulary import NOT_A_DEVICE, to_plain


@dataclass(frozen=True)
class SpeedReport:
    """What was measured, on what."""

    machine: Machine
    """Processor and versions."""

    images: str
    """What the files were, in words."""

    repeats: int
    """Turns of each side; medians and quartiles are over them."""

    speeds: tuple[AnsweringSpeed, ...]
    """One a network and precision."""


def list_speeds(speeds: Sequence[AnsweringSpeed]) -> tuple[list[str], list[list[str]]]:
    """Give the table: a row a network and precision.

    Args:
        speeds: with the same sides.

    Returns:
        The header and the rows; rates as medians with quartiles, in images a second.
    """
    known = ("predict", "limit", "engine", "decode", REFERENCE)
    others = [name for name in speeds[0].rates if name not in known]
    header = ["network", "precision", "predict", "engine", "decode", "limit", "share of the limit",
              "share by processor time", "times the reference",
              *(f"times {name}" for name in others)]  # fmt: skip
    rows = []
    for speed in speeds:
        rates = speed.rates
        row = [speed.network, speed.precision]
        row += [_tell(rates[name].per_second, 1) for name in ("predict", "engine", "decode")]
        row += [_tell(rates["limit"].per_second, 1), _tell(speed.share_of_limit, 2)]
        row += [_tell(speed.share_by_processor, 2)]
        row += [_tell(rates["predict"].over(rates[name]), 1) for name in (REFERENCE, *others)]
        rows.append(row)
    return header, rows


def write_speed(folder: Path, report: SpeedReport) -> tuple[Path, Path, Path]:
    """Write `speed.json`, `speed.md` and `speed.png`, each whole or not at all.

    Args:
        folder: where to; must exist.
        report: what was measured.

    Returns:
        The three files.

    Raises:
        OutputError: if the folder cannot be written.
    """
    header, rows = list_speeds(report.speeds)
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)]
    told = (
        f"{report.machine.words}\n\n{report.images}; {report.repeats} turns, medians and "
        "quartiles; images a second\n"
    )
    paths = folder / "speed.json", folder / "speed.md", folder / "speed.png"
    plain = {"notice": NOT_A_DEVICE, "report": to_plain(report)}
    write_whole(paths[0], json.dumps(plain, indent=2).encode())
    write_whole(paths[1], "\n".join([told, *lines, ""]).encode())
    save_figure(paths[2], draw_speed(report.speeds, report.machine.processor))
    return paths


def _tell(values: Quartiles, digits: int) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in values)
    return f"{middle} ({low}–{high})"
