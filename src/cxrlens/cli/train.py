"""`cxrlens train`.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say
from cxrlens.cli.options import (
    DEFAULT_STORE_LIMIT,
    ByOption,
    ColumnOption,
    DataArgument,
    ImagesOption,
    ImagesShownOption,
    JsonOption,
    MapOption,
    OutOption,
    StoreLimitOption,
    StoreOption,
    WhereOption,
    open_store,
    read_data,
)
from cxrlens.cli.reporting import Wishes, describe_training, show_results, write_results


def train(
    data: DataArgument,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe, e.g. epochs=3."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", help="Name of the recipe. Default: default, or the one of --resume."
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate with so many patient-disjoint folds.", min=2)
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Train so often, with the recipe's seed and those after it, on the same split.",
            min=2,
        ),
    ] = None,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Use at most N images of each class and part, to try out.", min=1
        ),
    ] = None,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: OutOption = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a training that was interrupted, in its own folder; give the same "
            "DATA and options again.",
        ),
    ] = None,
    by: ByOption = None,
    no_images: ImagesShownOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model, examine it on cases it never saw, and write a report."""
    resolved = cxr.training.resolve_recipe(recipe, overrides or [], resume)
    table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
    cxr.model.choose_columns(table, by)  # what cannot be grouped by is said at once
    wishes = Wishes(by, shows_images=not no_images)
    if limit is not None:
        table = cxr.training.limit_table(table, limit, resolved.seed)
    with cxr.training.claim_run(resolved.name, out, resume) as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            training = cxr.model.run_training(
                table, resolved, folder, folds=folds, seeds=seeds, progress=progress
            )
        say(f"trained in {training.seconds:.0f} s")
        title = f"{resolved.name} on {data.name}"
        report = describe_training(training, title, wishes)
        write_results(folder, report, training.examination, training.runs)
    raise typer.Exit(show_results(report, folder, as_json))
