"""What a card of maps found, as the tables of `docs/results.md`.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/map_tables.py runs/card/card.json

A row a method and class: the figures with their intervals, how far each lies above the mean mask of
other patients on the same images, heat in the lungs, and what was checked on fewer images. The
milliseconds are those of the machine that made the card, with whatever else it did.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Estimate = Mapping[str, Any]

ORDERS = "deletion", "insertion"

CONSTANT = "mean-mask"
"""What the differences are taken to."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("card", type=Path)
    card = json.loads(parser.parse_args().card.read_text())
    for table in (tabulate_figures, tabulate_gaps, tabulate_lungs, tabulate_checks, tabulate_seeds):
        rows = table(card)
        if len(rows) > 1:
            rule = ["---"] * len(rows[0])
            print("\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])), "\n")


def tabulate_figures(card: Mapping[str, Any]) -> list[list[str]]:
    """Every figure of each method, and the verdict."""
    rows = [["class", "method", *_name_figures(card), "points better", "covers better"]]
    for one in card["methods"]:
        verdict = [one["points_better"], one["covers_better"]] if one["verdict"] else ["", ""]
        values = [_tell(figure["estimate"]) for figure in one["figures"]]
        rows.append([_call(one), one["method"], *values, *verdict])
    return rows


def tabulate_gaps(card: Mapping[str, Any]) -> list[list[str]]:
    """How far each figure lies above the mean mask's, paired by patient."""
    rows = [["above the mean mask", "method", *_name_figures(card)]]
    for one in card["methods"]:
        gaps = [
            next((gap["difference"] for gap in figure["gaps"] if gap["baseline"] == CONSTANT), None)
            for figure in one["figures"]
        ]
        if None not in gaps:
            values = [_tell(gap["estimate"], signed=True) for gap in gaps if gap]
            rows.append([_call(one), one["method"], *values])
    return rows


def tabulate_lungs(card: Mapping[str, Any]) -> list[list[str]]:
    """Heat inside the lungs, and how far above the middle of the picture."""
    rows = [["in the lungs", "n", "heat inside", "above the centre's", "strongest point inside"]]
    for one in card["lungs"]:
        above = one["above_centre"]
        rows.append(
            [
                one["method"],
                str(one["n_images"]),
                _tell(one["heat_inside"]),
                _tell(above["estimate"], signed=True) if above else "",
                _tell(one["peak_inside"]),
            ]
        )
    return rows


def tabulate_checks(card: Mapping[str, Any]) -> list[list[str]]:
    """Deletion and insertion against random pixels, the network that forgets, time."""
    checks = card["checks"]
    shares = [one["share"] for one in checks[0]["randomised"]] if checks else []
    forgotten = ["head forgotten" if share == 0 else f"and {share:.0%}" for share in shares]
    rows = [["method", "n", "deletion gap", "insertion gap", *forgotten, "ms an image"]]
    for one in checks:
        gaps = [
            _tell(one[name]["estimate"], signed=True) for name in ("deletion_gap", "insertion_gap")
        ]
        left = [
            f"{_tell(step['correlation'], signed=True)}; hits {_tell_number(step['hit_rate'])}"
            for step in one["randomised"]
        ] or [""] * len(shares)  # a baseline asks no network
        rows.append(
            [one["method"], str(one["n_images"]), *gaps, *left, f"{one['milliseconds']:.0f}"]
        )
    return rows


def tabulate_seeds(card: Mapping[str, Any]) -> list[list[str]]:
    """Agreement with other trainings and with another run of the method."""
    rows = [["method", "n", "with another training", "with another run"]]
    for one in card["checks"]:
        told = [_tell(one[name], signed=True) if one[name] else "" for name in ("seeds", "reruns")]
        if any(told):
            rows.append([one["method"], str(one["n_images"]), *told])
    return rows


def _name_figures(card: Mapping[str, Any]) -> list[str]:
    return [figure["name"] for figure in card["methods"][0]["figures"]]


def _call(one: Mapping[str, Any]) -> str:
    return f"{one['class_name']} (n = {one['n_images']})"


def _tell(one: Estimate, *, signed: bool = False) -> str:
    """A value with the ends of its interval, where it has one."""
    ends: Sequence[float | None] = (one["low"], one["high"])
    sign = "+" if signed else ""
    if one["value"] is None:
        return "–"
    if None in ends:
        return f"{one['value']:{sign}.3f}"
    low, high = ends
    between = " to " if signed else "–"
    return f"{one['value']:{sign}.3f} ({low:{sign}.3f}{between}{high:{sign}.3f})"


def _tell_number(one: Estimate) -> str:
    return "–" if one["value"] is None else f"{one['value']:.2f}"


if __name__ == "__main__":
    main()
