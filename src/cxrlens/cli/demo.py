"""`cxrlens demo`.

SPDX-License-Identifier: Apache-2.0
"""

import multiprocessing
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say
from cxrlens.cli.options import JsonOption, OutOption
from cxrlens.cli.reporting import describe_training, show_results, write_results

PARTS = (("train", 1500), ("val", 240), ("test", 480))
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
            difficulty = _draw_data(folder / "data", seed, progress)
            table = cxr.read_table(folder / "data")
            training = cxr.model.run_training(table, recipe, folder, progress=progress)
        say(f"trained in {training.seconds:.0f} s")
        title = f"Phantoms, version {cxr.phantom.VERSION}"
        report = describe_training(training, title, _list_measures(difficulty))
        write_results(folder, report, training.examination)
    raise typer.Exit(show_results(report, folder, as_json))


def _draw_data(
    folder: Path, seed: int, progress: "cxr.vocabulary.Progress"
) -> "cxr.phantom.Difficulty":
    """Draw all phantoms with two processes, write them as class folders, measure them."""
    total = sum(n for _, n in PARTS)
    drawn: dict[str, list[cxr.phantom.Phantom]] = {}
    # A fresh process inherits no threads, whatever the caller has loaded.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        phantoms = pool.imap(partial(cxr.phantom.draw_nth, seed=seed), range(total), chunksize=12)
        for done, (part, name, phantom) in enumerate(_name_phantoms(phantoms), start=1):
            _write_phantom(folder, part, name, phantom)
            drawn.setdefault(part, []).append(phantom)
            progress.advance("draw phantoms", done, total)
    return cxr.phantom.measure_difficulty(drawn["train"], drawn["test"])


def _name_phantoms(
    phantoms: "Iterator[cxr.phantom.Phantom]",
) -> "Iterator[tuple[str, str, cxr.phantom.Phantom]]":
    """Give each phantom its part and a file name that holds its patient's number."""
    parts = iter([part for part, n in PARTS for _ in range(n)])
    by_patient = groupby(phantoms, key=lambda phantom: phantom.patient_id)
    for number, (_, images) in enumerate(by_patient):
        for image, phantom in enumerate(images):
            yield next(parts), f"phantom{number:05d}_{image}.png", phantom


def _write_phantom(folder: Path, part: str, name: str, phantom: "cxr.phantom.Phantom") -> None:
    files = {folder / part / phantom.label / name: phantom.pixels}
    if phantom.lesion.any():
        files[folder / "masks" / part / phantom.label / name] = phantom.lesion
    for path, pixels in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


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
