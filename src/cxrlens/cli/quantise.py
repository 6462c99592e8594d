"""`cxrlens quantise`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.options import (
    EXIT_PARTIAL,
    BundleArgument,
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    WhereOption,
    list_refusals,
    read_data,
)


def quantise(
    bundle: BundleArgument,
    data: DataArgument,
    sample: Annotated[
        int, typer.Option(min=1, help="Images by which the scales are set; the rest check them.")
    ] = 128,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model's network in 8-bit numbers, for --precision int8, if it answers alike."""
    model = cxr.load(bundle)
    table = read_data(data, images, column, where, mapping)
    folder = cxr.inference.place_quantised(bundle)
    with open_progress() as progress:
        done = cxr.model.quantise(model, table, folder, n_sample=sample, progress=progress)
    record = done.record
    list_refusals(done.refusals)
    say(f"written to {folder}")
    if as_json:
        facts = {"folder": str(folder), "notice": cxr.vocabulary.NOT_A_DEVICE}
        show_json({**facts, "int8": cxr.vocabulary.to_plain(record)})
        raise typer.Exit(EXIT_PARTIAL if done.refusals else 0)
    check = record.check
    middle, most, largest = check.probability_gaps
    rows = [
        ["images that set the scales", str(record.n_sample)],
        ["images checked", str(check.n_images)],
        ["same decisions", f"{check.n_alike} of {check.n_images}"],
        ["Δp: median, 99th percentile, largest", f"{middle:.4f}, {most:.4f}, {largest:.4f}"],
        ["correlation of the maps, median", f"{check.map_correlation:.3f}"],
    ]
    if check.auroc_gap is not None:
        rows.append(["largest change of an AUROC", f"{check.auroc_gap:.4f}"])
    show_table(["int8 against float32", "value"], rows)
    show_line(cxr.vocabulary.NOT_A_DEVICE)
    raise typer.Exit(EXIT_PARTIAL if done.refusals else 0)
