"""`cxrlens predict`.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.image_files import find_files
from cxrlens.cli.options import (
    EXIT_PARTIAL,
    BundleArgument,
    EngineOption,
    JsonOption,
    PrecisionOption,
    load_model,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_IN_GRID = 16
"""Images in the picture of several answers."""

MAX_COLUMNS = 8
"""Classes whose probabilities stand in the table on the screen; more stand only in the files."""


def predict(
    bundle: BundleArgument,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Image files, or folders of them.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for predictions and overlays; must be new or empty."),
    ] = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    as_json: JsonOption = False,
) -> None:
    """Answer for images: probabilities, a decision, and an overlay of where the evidence lies."""
    model = load_model(bundle, engine, precision)
    if model.bundle.record.data.is_phantom:
        say(f"note: {cxr.vocabulary.PHANTOM_MODEL}")
    files = list(find_files(paths))
    if not files:
        raise cxr.vocabulary.InputError(f"no file found in {', '.join(map(str, paths))}")
    with cxr.training.claim_run_folder(out, "predict") as folder:
        say(f"writing to {folder}")
        predictions, cases = _predict_files(model, files, folder)
        if len(files) > 1 and cases:
            figure = _draw_grid(cases, predictions, model.bundle.record.data.is_phantom)
            cxr.report.save_figure(folder / "grid.png", figure)
        cxr.report.write_predictions(folder, predictions)
    refused = [p.refusal for p in predictions if p.refusal is not None]
    for prediction in predictions:
        for warning in prediction.warnings:
            say(f"warning ({warning.reason}): {warning.message}")
    for refusal in refused:
        say(f"refused ({refusal.reason}): {refusal.message}")
    _show(predictions, folder, as_json)
    if len(refused) == len(predictions):
        raise typer.Exit(cxr.vocabulary.InputError.exit_code)
    raise typer.Exit(EXIT_PARTIAL if refused else 0)


def _predict_files(
    model: "cxr.Model", files: Sequence[Path], folder: Path
) -> "tuple[list[cxr.Prediction], list[cxr.report.Case]]":
    """Answer for all files, and keep the first images small, for the grid."""
    predictions: list[cxr.Prediction] = []
    cases: list[cxr.report.Case] = []
    with open_progress() as progress:
        for number, (prediction, radiograph) in enumerate(model.read_many(files), start=1):
            predictions.append(prediction)
            if radiograph is not None:
                _write_pictures(folder, number, prediction, radiograph, is_only=len(files) == 1)
                if len(cases) < N_IN_GRID:
                    # A folder's name is no truth, even where it is a class's name.
                    case = cxr.report.Case(prediction.image, radiograph.pixels, None, prediction)
                    cases.append(cxr.report.shrink_case(case))
            progress.advance("predict", number, len(files))
    return predictions, cases


def _draw_grid(
    cases: "Sequence[cxr.report.Case]", predictions: "Sequence[cxr.Prediction]", is_phantom: bool
) -> "Figure":
    n_refused = sum(prediction.refusal is not None for prediction in predictions)
    refused = f"; {n_refused} refused" if n_refused else ""
    notes = [f"{len(cases)} of {len(predictions)} files, in their order{refused}."]
    if is_phantom:
        notes.append(cxr.vocabulary.PHANTOM_MODEL)
    return cxr.report.draw_cases(cases, notes=notes)


def _write_pictures(
    folder: Path,
    number: int,
    prediction: "cxr.Prediction",
    radiograph: "cxr.Radiograph",
    *,
    is_only: bool,
) -> None:
    """Write the overlay, named by the row of the table; for a single file also the bar chart."""
    heatmap = prediction.heatmap
    if heatmap is not None:
        (folder / "overlays").mkdir(exist_ok=True)
        cxr.report.save_overlay(
            folder / "overlays" / f"{number:06d}.png", heatmap, radiograph.pixels
        )
    if is_only:
        cxr.report.save_figure(folder / "prediction.png", cxr.draw(prediction, radiograph.pixels))


def _show(predictions: "Sequence[cxr.Prediction]", folder: Path, as_json: bool) -> None:
    if as_json:
        rows = [cxr.report.tell_prediction(prediction) for prediction in predictions]
        show_json(
            {"folder": str(folder), "notice": cxr.vocabulary.NOT_A_DEVICE, "predictions": rows}
        )
        return
    shown = predictions[0].classes if len(predictions[0].classes) <= MAX_COLUMNS else ()
    header = ["image", "decision", *(f"p({name})" for name in shown)]
    show_table(header, [_list_cells(prediction, len(shown)) for prediction in predictions])
    show_line(f"written to {folder}: predictions.csv, predictions.jsonl, overlays/ (by row)")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _list_cells(prediction: "cxr.Prediction", n_shown: int) -> list[str]:
    probabilities = [f"{value:.3f}" for value in prediction.probabilities[:n_shown]]
    name = cxr.vocabulary.show_name(prediction.image)
    blanks = [""] * (n_shown - len(probabilities))
    return [name, prediction.verdict or prediction.status, *probabilities, *blanks]
