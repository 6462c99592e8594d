"""`cxrlens train`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say
from cxrlens.cli.options import (
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    OutOption,
    RecipeOption,
    WhereOption,
    read_data,
)
from cxrlens.cli.reporting import describe_training, show_results, write_results


def train(
    data: DataArgument,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe, e.g. epochs=3."),
    ] = None,
    recipe: RecipeOption = "default",
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate with so many patient-disjoint folds.", min=2)
    ] = None,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model, examine it on cases it never saw, and write a report."""
    resolved = cxr.training.load_recipe(recipe, overrides or [])
    table = read_data(data, images, column, where, mapping)
    with cxr.training.claim_run_folder(out, resolved.name) as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            training = cxr.model.run_training(
                table, resolved, folder, folds=folds, progress=progress
            )
        say(f"trained in {training.seconds:.0f} s")
        title = f"{resolved.name} on {data.name}"
        report = describe_training(training, title)
        write_results(folder, report, training.examination)
    raise typer.Exit(show_results(report, folder, as_json))
