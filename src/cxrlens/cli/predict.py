"""`cxrlens predict`.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json_rows, show_line, show_table
from cxrlens.cli.image_files import find_files
from cxrlens.cli.options import (
    EXIT_PARTIAL,
    BundleArgument,
    EngineOption,
    JsonOption,
    PrecisionOption,
    load_model,
)
from cxrlens.cli.tally import Tally

MAX_ROWS = 20
"""Answers on the screen; all stand in the files."""

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
    overlays: Annotated[
        bool,
        typer.Option(
            "--overlays/--no-overlays",
            help="Draw pictures of where the evidence lies. Without them the answers are the "
            "same, and there are more a second: large images need not be read at full size. "
            "(A file that cannot be read whole for its picture is refused.)",
        ),
    ] = True,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    as_json: JsonOption = False,
) -> None:
    """Answer for images: probabilities, a decision, and an overlay of where the evidence lies."""
    model = load_model(bundle, engine, precision)
    if model.bundle.record.data.is_phantom:
        say(f"note: {cxr.vocabulary.PHANTOM_MODEL}")
    # All names before the first answer: what is written must not be read.
    files = [os.fspath(path) for path in find_files(paths)]
    if not files:
        raise cxr.vocabulary.InputError(f"no file found in {', '.join(map(str, paths))}")
    with cxr.training.claim_run_folder(out, "predict") as folder:
        say(f"writing to {folder}")
        pictures = _Pictures(folder, model, len(files)) if overlays else None
        seen = _answer(model, files, folder, pictures)
        if pictures is not None:
            pictures.finish(seen.refused.total)
    seen.warned.tell()
    seen.refused.tell()
    _show(model, seen, folder, as_json=as_json, has_overlays=overlays)
    if seen.refused.total == len(files):
        raise typer.Exit(cxr.vocabulary.InputError.exit_code)
    raise typer.Exit(EXIT_PARTIAL if seen.refused.total else 0)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of all answers: no more for many files than for few."""

    n_files: int
    """How many are answered for."""

    first: "list[cxr.Prediction]" = field(default_factory=list)
    """Those that are shown."""

    warned: Tally = field(default_factory=lambda: Tally("warning"))
    """Every warning."""

    refused: Tally = field(default_factory=lambda: Tally("refused"))
    """Every refused file."""

    def add(self, prediction: "cxr.Prediction") -> None:
        """Take note of one answer."""
        if len(self.first) < MAX_ROWS:
            # Maps hold on to those of their whole batch.
            self.first.append(replace(prediction, heatmaps=(), regions=()))
        for warning in prediction.warnings:
            self.warned.add(warning.reason, warning.message)
        if prediction.refusal is not None:
            self.refused.add(prediction.refusal.reason, prediction.refusal.message)


class _Pictures:
    """Draws each answer, and keeps the first images small, for the grid.

    Args:
        folder: where to.
        model: that answers.
        n_files: that are answered for.
    """

    def __init__(self, folder: Path, model: "cxr.Model", n_files: int) -> None:
        self._folder = folder
        self._is_phantom = model.bundle.record.data.is_phantom
        self._n_files = n_files
        self._cases: list[cxr.report.Case] = []

    def draw(self, number: int, prediction: "cxr.Prediction", radiograph: "cxr.Radiograph") -> None:
        """Write the overlay, named by the row of the table; for a single file also a bar chart."""
        heatmap = prediction.heatmap
        if heatmap is not None:
            place = self._folder / "overlays" / f"{number:06d}.png"
            place.parent.mkdir(exist_ok=True)
            cxr.report.save_overlay(place, heatmap, radiograph.pixels)
        if self._n_files == 1:
            figure = cxr.draw(prediction, radiograph.pixels)
            cxr.report.save_figure(self._folder / "prediction.png", figure)
        elif len(self._cases) < N_IN_GRID:
            # A folder's name is no truth, even where it is a class's name.
            case = cxr.report.Case(prediction.image, radiograph.pixels, None, prediction)
            self._cases.append(cxr.report.shrink_case(case))

    def finish(self, n_refused: int) -> None:
        """Write the grid of the first answers."""
        if not self._cases:
            return
        refused = f"; {n_refused} refused" if n_refused else ""
        notes = [f"{len(self._cases)} of {self._n_files} files, in their order{refused}."]
        if self._is_phantom:
            notes.append(cxr.vocabulary.PHANTOM_MODEL)
        figure = cxr.report.draw_cases(self._cases, notes=notes)
        cxr.report.save_figure(self._folder / "grid.png", figure)


def _answer(
    model: "cxr.Model", files: Sequence[str], folder: Path, pictures: _Pictures | None
) -> _Seen:
    """Answer for all files, and write each row as it comes."""
    record, seen = model.bundle.record, _Seen(len(files))
    columns = cxr.report.PredictionColumns(
        record.classes, record.calibration is not None, record.is_multilabel,
        has_unfamiliarity=record.familiarity is not None,
    )  # fmt: skip
    found = (
        ((one, None) for one in model.predict_many(files))
        if pictures is None
        else model.read_many(files)
    )
    with open_progress() as progress, cxr.report.open_predictions(folder, columns) as writer:
        for number, (prediction, radiograph) in enumerate(found, start=1):
            writer.add(prediction)
            seen.add(prediction)
            if pictures is not None and radiograph is not None:
                pictures.draw(number, prediction, radiograph)
            progress.advance("predict", number, len(files))
    return seen


def _show(
    model: "cxr.Model", seen: _Seen, folder: Path, *, as_json: bool, has_overlays: bool
) -> None:
    if as_json:
        facts = {"folder": str(folder), "notice": cxr.vocabulary.NOT_A_DEVICE}
        with (folder / cxr.report.PREDICTION_FILES[1]).open(encoding="ascii") as lines:
            show_json_rows(facts, "predictions", lines)
        return
    shown = model.classes if len(model.classes) <= MAX_COLUMNS else ()
    header = ["image", "decision", *(f"p({name})" for name in shown)]
    show_table(header, [_list_cells(prediction, len(shown)) for prediction in seen.first])
    if seen.n_files > len(seen.first):
        show_line(f"… {seen.n_files} in all; the first {len(seen.first)} are shown")
    drawn = ", overlays/ (by row)" if has_overlays else ""
    show_line(f"written to {folder}: {', '.join(cxr.report.PREDICTION_FILES)}{drawn}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _list_cells(prediction: "cxr.Prediction", n_shown: int) -> list[str]:
    probabilities = [f"{value:.3f}" for value in prediction.probabilities[:n_shown]]
    name = cxr.vocabulary.show_name(prediction.image)
    blanks = [""] * (n_shown - len(probabilities))
    return [name, prediction.verdict or prediction.status, *probabilities, *blanks]
