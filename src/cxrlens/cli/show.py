"""`cxrlens show`.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import typer

import cxrlens as cxr
from cxrlens.cli.console import say, show_json, show_line, show_table
from cxrlens.cli.options import (
    EXIT_PARTIAL,
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    OutOption,
    RecipeOption,
    WhereOption,
    list_refusals,
    read_data,
)

N_SAMPLES = 4
"""Images of each class in the grid."""

MAX_COLUMNS = 6
"""Classes that stand beside each other in a table of counts; more stand below each other."""


def show(
    data: DataArgument,
    recipe: RecipeOption = "default",
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is there: counts per class and split, and a grid raw beside as-the-network-sees."""
    table = read_data(data, images, column, where, mapping)
    preprocessing = cxr.training.load_recipe(recipe).preprocessing
    samples, refused = cxr.report.read_samples(table, preprocessing, per_class=N_SAMPLES)
    refusals = [*table.refusals, *refused]
    with cxr.training.claim_run_folder(out, "show") as folder:
        if samples:
            cxr.report.save_figure(
                folder / "grid.png", cxr.report.draw_grid(samples, columns=N_SAMPLES)
            )
    for note in table.notes:
        say(f"note: {note}")
    list_refusals(refusals)
    if as_json:
        show_json(cxr.vocabulary.to_plain(_count(table)))
    else:
        _show_counts(table)
        show_line(f"grid: {folder / 'grid.png'}" if samples else "no grid: no image could be read")
    raise typer.Exit(0 if samples and not refusals else EXIT_PARTIAL)


def _count(table: "cxr.StudyTable") -> dict[str, object]:
    known = [patient for patient in table.patients if patient is not None]
    return {
        "images": len(table),
        "patients": len(set(known)),
        "images_of_unknown_patients": len(table) - len(known),
        "several_labels_an_image": table.is_multilabel,
        "counts": table.counts,
        "counts_by_source": table.count_by("source"),
        "counts_by_view": table.count_by("view"),
        "labels": table.label_counts,
        "notes": table.notes,
    }


def _show_counts(table: "cxr.StudyTable") -> None:
    by = {"part": table.counts}
    for column in ("source", "view"):
        counts = table.count_by(column)
        if set(counts) != {"unknown"}:
            by[column] = counts
    if table.classes and (table.is_multilabel or (table.targets < 0).any()):
        _show_by("class", table.label_counts, cxr.data.LABEL_STATES)
    for name, counts in by.items():
        _show_by(name, counts, table.classes or ("no label",))
    facts = _count(table)
    show_line(
        f"{facts['images']} images of {facts['patients']} known patients; "
        f"{facts['images_of_unknown_patients']} of unknown ones"
    )


def _show_by(title: str, counts: dict[str, dict[str, int]], columns: Sequence[str]) -> None:
    names = [cxr.vocabulary.show_name(name) for name in columns]
    shown = [[name, *(str(row[column]) for column in columns)] for name, row in counts.items()]
    if len(names) <= MAX_COLUMNS:
        show_table([title, *names], shown)
    else:
        by_class = zip(names, *(row[1:] for row in shown), strict=True)
        show_table([f"class by {title}", *counts], [list(row) for row in by_class])
    show_line("")
