"""`cxrlens demo`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say
from cxrlens.cli.options import JsonOption, OutOption
from cxrlens.cli.reporting import describe_training, show_results, write_results

PARTS = {"train": 1500, "val": 240, "test": 480}
"""Phantoms a part; multiples of twelve keep patients whole and classes even."""


def demo(
    out: OutOption = None,
    seed: Annotated[int, typer.Option(help="Of the phantoms and of the training.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Draw phantoms, train on them, evaluate, localise, and write a report: the whole path."""
    recipe = cxr.training.load_recipe("phantom", [f"seed={seed}"])
    with cxr.training.claim_run_folder(out, "demo") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            drawn = cxr.data.write_phantoms(
                folder / "data", PARTS, seed=seed, processes=2, progress=progress
            )
            difficulty = cxr.phantom.measure_difficulty(drawn["train"], drawn["test"])
            del drawn
            table = cxr.read_table(folder / "data")
            training = cxr.model.run_training(table, recipe, folder, progress=progress)
        say(f"trained in {training.seconds:.0f} s")
        title = f"Phantoms, version {cxr.phantom.VERSION}"
        report = describe_training(training, title, difficulty=_list_measures(difficulty))
        write_results(folder, report, training.examination)
    raise typer.Exit(show_results(report, folder, as_json))


def _list_measures(difficulty: "cxr.phantom.Difficulty") -> "list[cxr.report.Measure]":
    return [
        cxr.report.Measure(
            name=figure.name,
            value=f"{figure.value:.2f}",
            bound=f"{figure.low:.2f} to {figure.high:.2f}",
            is_met=figure.holds,
        )
        for figure in difficulty.bounded
    ]
