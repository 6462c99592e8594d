"""A card of maps becomes a page, its facts, a table and the mean masks.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cxrlens.evaluation import CONSTANTS, MapCard, MapFigure, MethodReport
from cxrlens.imaging import write_whole
from cxrlens.report.page import open_environment
from cxrlens.report.write import make_folder
from cxrlens.vocabulary import NOT_A_DEVICE, Estimate, Plain, to_plain

SCHEMA = 1
"""Version of the facts' form."""

_SIGNS = re.compile(r"[^\w-]+")
"""What of a class's name cannot stand in a file name everywhere."""


def gather_card_facts(card: MapCard, title: str, command: str) -> dict[str, Plain]:
    """Turn a card into the content of `card.json`.

    Args:
        card: what was measured.
        title: of the page.
        command: that made it.

    Returns:
        Plain JSON values; every figure that the page shows is among them. Mean masks are left to
        their own files, the models' answers out.
    """
    methods = [
        {**_as_dict(to_plain(one)), "verdict": tell_map_verdict(one)} for one in card.methods
    ]
    return {
        "notice": NOT_A_DEVICE,
        "schema": SCHEMA,
        "title": title,
        "command": command,
        "is_phantom": card.is_phantom,
        "n_seen": card.n_seen,
        "notes": list(card.notes),
        "constants": list(CONSTANTS),
        "has_true_lungs": card.has_true_lungs,
        "methods": methods,
        "lungs": to_plain(card.lungs),
        "checks": to_plain(card.checks),
        "words": dict(card.words),
    }


def tell_map_verdict(report: MethodReport) -> str:
    """Say in words whether a method is better than a constant map.

    Returns:
        Such as `better than a constant map: yes (points), cannot tell with n = 40 (covers)`; empty
        for a baseline.
    """
    if not report.figures[0].gaps:
        return ""
    n = f" with n = {report.n_images}"
    points, covers = (
        verdict + (n if verdict == "cannot tell" else "")
        for verdict in (report.points_better, report.covers_better)
    )
    return f"better than a constant map: points {points}; covers {covers}"


def write_map_card(folder: Path, card: MapCard, title: str, command: str) -> tuple[Path, Path]:
    """Write `card.html`, `card.json`, `card.csv` and a picture of each class's mean mask.

    Args:
        folder: where to; made where it is missing.
        card: what was measured.
        title: of the page.
        command: that made it.

    Returns:
        The page and the facts.

    Raises:
        OutputError: if the folder cannot be written.
    """
    facts = gather_card_facts(card, title, command)
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = open_environment(facts).get_template("map_card.html").render(facts=facts)
    make_folder(folder)
    page_path, facts_path = folder / "card.html", folder / "card.json"
    write_whole(facts_path, text.encode())
    write_whole(page_path, page.encode())
    write_whole(folder / "card.csv", _tabulate(card.methods).encode())
    for number, (name, grid) in enumerate(card.mean_masks.items(), start=1):
        file = io.BytesIO()
        Image.fromarray(np.rint(grid * 65535).astype(np.uint16)).save(file, "PNG")
        write_whole(folder / f"mean-mask-{number}-{_SIGNS.sub('-', name)}.png", file.getvalue())
    return page_path, facts_path


def _tabulate(reports: Sequence[MethodReport]) -> str:
    """One row a class, method and figure, with the differences to the baselines."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    baselines = next((one.figures[0].gaps for one in reports if one.figures[0].gaps), ())
    names = [gap.baseline for gap in baselines]
    ends = [f"{word} {name}" for name in names for word in ("above", "above_low", "above_high")]
    writer.writerow(["class", "method", "figure", "n", "value", "low", "high", *ends])
    for report in reports:
        for figure in report.figures:
            writer.writerow([report.class_name, report.method, *_list_cells(figure)])
    return file.getvalue()


def _list_cells(figure: MapFigure) -> list[object]:
    estimates = [figure.estimate, *(gap.difference.estimate for gap in figure.gaps)]
    return [figure.name, figure.estimate.n, *(end for one in estimates for end in _ends(one))]


def _ends(one: Estimate) -> tuple[float | None, float | None, float | None]:
    return one.value, one.low, one.high


def _as_dict(plain: Plain) -> dict[str, Plain]:
    if not isinstance(plain, dict):
        raise TypeError(f"a record becomes a dictionary; got {type(plain).__name__}")
    return plain
