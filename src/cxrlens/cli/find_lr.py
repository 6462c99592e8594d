"""`cxrlens find-lr`.

SPDX-License-Identifier: Apache-2.0
"""

import shlex
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.options import (
    DEFAULT_STORE_LIMIT,
    EXIT_PARTIAL,
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    OutOption,
    RecipeOption,
    StoreLimitOption,
    StoreOption,
    WhereOption,
    list_refusals,
    open_store,
    read_data,
)


def find_lr(
    data: DataArgument,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe, e.g. batch_size=16."),
    ] = None,
    recipe: RecipeOption = "default",
    stage: Annotated[
        str | None,
        typer.Option(help="Name or number of the recipe's stage. Default: the first."),
    ] = None,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for a learning rate: let it grow step by step until the loss diverges."""
    resolved = cxr.training.load_recipe(recipe, overrides or [])
    index = cxr.training.find_stage(resolved, stage)
    table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
    with cxr.training.claim_run_folder(out, "find-lr") as folder:
        with open_progress() as progress:
            finding = cxr.model.find_learning_rate(table, resolved, stage=stage, progress=progress)
        found = finding.search
        one = resolved.stages[index]
        title = f"{resolved.name}, stage {one.name}, on {data.name}"
        cxr.report.write_rate_search(folder, found, title)
    list_refusals(finding.refusals)
    if index:
        say("note: tried from the recipe's initial weights, not from the best of the stage before")
    if not found.has_diverged:
        say("note: the loss did not diverge up to the largest rate")
    key = f"stages.{index + 1}.learning_rate"
    use = None if found.suggestion is None else f"{key}={found.suggestion:.2g}"
    if as_json:
        plain = cxr.vocabulary.to_plain(found)
        facts = {"folder": str(folder), "search": plain, "stage": one.name, "override": use}
        show_json({**facts, "notice": cxr.vocabulary.NOT_A_DEVICE})
    else:
        rows = [
            ["steepest descent", _show(found.steepest)],
            ["minimum / 10", _show(found.tenth_of_minimum)],
            [f"now in the recipe ({key})", _show(one.learning_rate)],
        ]
        show_table(["learning rate", "value"], rows)
        if use is None:
            show_line("no suggestion: the loss diverged within the first steps; see the picture")
        else:
            words = shlex.join(["--recipe", recipe, *(overrides or []), use])
            show_line(f"to use minimum / 10: cxrlens train DATA {words}")
        show_line(f"picture: {folder / 'learning-rate.png'}")
        show_line(cxr.vocabulary.NOT_A_DEVICE)
    raise typer.Exit(EXIT_PARTIAL if finding.refusals else 0)


def _show(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.2g}"
