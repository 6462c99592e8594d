"""`cxrlens predict`.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.options import EXIT_PARTIAL, BundleArgument, JsonOption


def predict(
    bundle: BundleArgument,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Image files, or folders of them.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for predictions and overlays; must be new or empty."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer for images: probabilities, a decision, and an overlay of where the evidence lies."""
    model = cxr.load(bundle)
    if model.bundle.record.data.is_phantom:
        say(f"note: {cxr.vocabulary.PHANTOM_MODEL}")
    files = list(_find_files(paths))
    if not files:
        raise cxr.vocabulary.InputError(f"no file found in {', '.join(map(str, paths))}")
    with cxr.training.claim_run_folder(out, "predict") as folder:
        say(f"writing to {folder}")
        predictions = _predict_files(model, files, folder)
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
) -> "list[cxr.Prediction]":
    predictions = []
    with open_progress() as progress:
        for number, (prediction, radiograph) in enumerate(model.read_many(files), start=1):
            predictions.append(prediction)
            if radiograph is not None:
                _write_pictures(folder, number, prediction, radiograph, is_only=len(files) == 1)
            progress.advance("predict", number, len(files))
    return predictions


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
    header = ["image", "decision", *(f"p({name})" for name in predictions[0].classes)]
    show_table(header, [_list_cells(prediction) for prediction in predictions])
    show_line(f"written to {folder}: predictions.csv, predictions.jsonl, overlays/ (by row)")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _list_cells(prediction: "cxr.Prediction") -> list[str]:
    probabilities = [f"{value:.3f}" for value in prediction.probabilities]
    name = cxr.vocabulary.show_name(prediction.image)
    blanks = [""] * (len(prediction.classes) - len(probabilities))
    return [name, prediction.decision or prediction.status, *probabilities, *blanks]


def _find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """List files as given, and everything in folders that does not start with a dot, in order.

    Links to folders and folders that cannot be listed are given as they are: reading them is
    refused by name.
    """
    closed: list[Path] = []

    def note_closed(error: OSError) -> None:
        closed.append(Path(error.filename))

    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on names that are too long)
            yield path
            continue
        for folder, subfolders, names in os.walk(path, onerror=note_closed):
            links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            found = sorted(name for name in (*names, *links) if not name.startswith("."))
            yield from (Path(folder) / name for name in found)
    yield from closed
