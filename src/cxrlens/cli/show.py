"""`cxrlens show`.

SPDX-License-Identifier: Apache-2.0
"""

import typer

import cxrlens as cxr
from cxrlens.cli.console import say, show_json, show_line, show_table
from cxrlens.cli.options import EXIT_PARTIAL, DataArgument, JsonOption, OutOption, RecipeOption

N_SAMPLES = 4
"""Images of each class in the grid."""


def show(
    data: DataArgument,
    recipe: RecipeOption = "default",
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is there: counts per class and split, and a grid raw beside as-the-network-sees."""
    table = cxr.read_table(data)
    preprocessing = cxr.training.load_recipe(recipe).preprocessing
    refusals = list(table.refusals)
    samples = []
    for label in table.classes:
        paths = table.frame.loc[table.frame["label"] == label, "image"].tolist()
        chosen = paths[:: max(1, len(paths) // N_SAMPLES)][:N_SAMPLES]
        for read in cxr.imaging.stream(chosen, preprocessing):
            if isinstance(read, cxr.vocabulary.Refusal):
                refusals.append(read)
            else:
                samples.append(cxr.report.Sample(label, read.radiograph.pixels, read.pixels))
    with cxr.training.claim_run_folder(out, "show") as folder:
        if samples:
            cxr.report.save_figure(folder / "grid.png", cxr.report.draw_grid(samples))
    for note in table.notes:
        say(f"note: {note}")
    for refusal in refusals:
        say(f"refused ({refusal.reason}): {refusal.message}")
    _show_counts(table, as_json)
    if not as_json:
        show_line(f"grid: {folder / 'grid.png'}")
    raise typer.Exit(EXIT_PARTIAL if refusals else 0)


def _show_counts(table: "cxr.StudyTable", as_json: bool) -> None:
    patients = {patient for patient in table.patients if patient is not None}
    unknown = sum(patient is None for patient in table.patients)
    if as_json:
        show_json(
            cxr.vocabulary.to_plain(
                {
                    "images": len(table),
                    "patients": len(patients),
                    "images_of_unknown_patients": unknown,
                    "counts": table.counts,
                    "notes": table.notes,
                }
            )
        )
        return
    show_table(
        ["part", *map(cxr.vocabulary.show_name, table.classes)],
        [
            [part or "no split", *(str(counts.get(name, 0)) for name in table.classes)]
            for part, counts in table.counts.items()
        ],
    )
    show_line(f"{len(table)} images of {len(patients)} known patients; {unknown} of unknown ones")
