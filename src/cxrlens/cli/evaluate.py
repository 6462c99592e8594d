"""`cxrlens evaluate`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say
from cxrlens.cli.options import (
    BundleArgument,
    ByOption,
    ColumnOption,
    DataArgument,
    ImagesOption,
    ImagesShownOption,
    JsonOption,
    MapOption,
    OutOption,
    WhereOption,
    read_data,
)
from cxrlens.cli.reporting import Wishes, describe_evaluation, show_results, write_results


def evaluate(
    bundle: BundleArgument,
    data: DataArgument,
    split: Annotated[
        str | None, typer.Option(help="Use only this part of the data: train, val or test.")
    ] = None,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    out: OutOption = None,
    by: ByOption = None,
    no_images: ImagesShownOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge a model on labelled images: figures with intervals, curves, the worst mistakes."""
    model = cxr.load(bundle)
    table = read_data(data, images, column, where, mapping)
    cxr.model.choose_columns(table, by)  # what cannot be grouped by is said at once
    wishes = Wishes(by, shows_images=not no_images)
    if split is not None:
        table = table.split(split)
    with cxr.training.claim_run_folder(out, "evaluate") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            examination = cxr.model.examine(model, table, progress=progress)
        report = describe_evaluation(
            model, examination, f"{bundle.parent.name} on {data.name}", wishes
        )
        write_results(folder, report, examination)
    raise typer.Exit(show_results(report, folder, as_json))
