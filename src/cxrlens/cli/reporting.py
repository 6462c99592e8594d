"""What a model came to is gathered into a report, written and shown.

SPDX-License-Identifier: Apache-2.0
"""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path

import cxrlens as cxr
from cxrlens.cli.console import say, show_json, show_line, show_table
from cxrlens.cli.options import EXIT_PARTIAL

N_CASES = 24
"""Predictions in the grid of a report."""

N_MISTAKES = 16
"""Mistakes in the gallery of a report."""


def describe_training(
    training: "cxr.model.Training", title: str, difficulty: "Sequence[cxr.report.Measure]" = ()
) -> "cxr.report.Report":
    """Gather what a training came to into a report.

    Args:
        training: with its examination.
        title: the page's heading.
        difficulty: of the phantoms; empty for real images.
    """
    report = _describe_models(training.models, training.examination, title)
    epochs = enumerate(training.histories)
    return replace(
        report,
        difficulty=tuple(difficulty),
        histories=tuple(cxr.report.History(fold, of_fold) for fold, of_fold in epochs),
        flow=_count_flow(training.table, training.examination, len(training.models)),
        digests=replace(report.digests, split=training.split_digest),
    )


def describe_evaluation(
    model: "cxr.Model", examination: "cxr.model.Examination", title: str
) -> "cxr.report.Report":
    """Gather how a model did on other data into a report."""
    counts = (
        ("files refused", len(examination.refusals)),
        ("used for the figures", len(examination.predictions)),
    )
    return replace(_describe_models([model], examination, title), flow=counts)


def write_results(
    folder: Path, report: "cxr.report.Report", examination: "cxr.model.Examination"
) -> None:
    """Write the report, its figures and the predictions behind them into a run folder."""
    truths = [_find_truth(examination, row) for row in range(len(examination.predictions))]
    cxr.report.write_predictions(folder, examination.predictions, truths)
    cxr.report.write_report(folder, report)


def show_results(report: "cxr.report.Report", folder: Path, as_json: bool) -> int:
    """Show the headline figures and where the rest lies.

    Returns:
        The exit code: 0, or 3 where files were refused.
    """
    for note in report.notes:
        say(f"note: {note}")
    for refusal in report.refusals:
        say(f"refused ({refusal.reason}): {refusal.message}")
    for warning in report.warnings:
        say(f"warning ({warning.reason}): {warning.n_images} images; such as: {warning.example}")
    if as_json:
        show_json({"folder": str(folder), **cxr.report.gather_facts(report)})
    else:
        _show_figures(report)
        show_line(f"report: {folder / 'report.html'}")
        show_line(cxr.vocabulary.NOT_A_DEVICE)
    return EXIT_PARTIAL if report.refusals else 0


def _show_figures(report: "cxr.report.Report") -> None:
    figures = report.evaluation
    counts = f"{figures.n_images} images, {figures.n_patients} patients"
    show_line(f"on cases it never saw ({counts}; 95 % intervals):")
    rows = [
        ["macro AUROC", str(figures.macro_auroc)],
        ["accuracy", str(figures.accuracy)],
        ["macro precision", str(figures.macro_precision)],
        ["macro recall", str(figures.macro_recall)],
        ["macro F1", str(figures.macro_f1)],
    ]
    rows += [[f"{c.name} alone: macro AUROC", str(c.auroc)] for c in report.controls]
    for one in report.maps.per_class if report.maps else ():
        rows.append([f"maps of {one.class_name}: pointing game", str(one.pointing_game)])
        rows.append([f"maps of {one.class_name}: strict hit rate", str(one.hit_rate)])
    rows += [[f"phantoms: {m.name}", f"{m.value} (bound {m.bound})"] for m in report.difficulty]
    show_table(["figure", "value"], rows)


def _describe_models(
    models: "Sequence[cxr.Model]", examination: "cxr.model.Examination", title: str
) -> "cxr.report.Report":
    rows = range(len(examination.predictions))
    record = models[0].bundle.record
    bundles = [model.bundle.record.digest for model in models]
    return cxr.report.Report(
        title=title,
        command=shlex.join(["cxrlens", *sys.argv[1:]]),
        is_phantom=examination.is_phantom,
        evaluation=examination.evaluation,
        maps=examination.maps,
        controls=examination.controls,
        recipe=record.recipe,
        notes=examination.notes,
        refusals=examination.refusals,
        warnings=_count_warnings(examination),
        cases=_read_cases(examination, _sample_rows(examination, rows)),
        mistakes=_read_cases(examination, _find_mistakes(examination, rows)),
        provenance=cxr.vocabulary.Provenance(),
        digests=cxr.report.Digests(
            bundle=", ".join(bundles),
            split=record.data.split_digest,
            data=examination.fingerprint,
        ),
    )


def _count_warnings(
    examination: "cxr.model.Examination",
) -> "tuple[cxr.report.WarningCount, ...]":
    warnings = [warning for answer in examination.predictions for warning in answer.warnings]
    examples = {warning.reason: warning.message for warning in reversed(warnings)}
    counts = Counter(warning.reason for warning in warnings).most_common()
    return tuple(cxr.report.WarningCount(reason, n, examples[reason]) for reason, n in counts)


def _count_flow(
    table: "cxr.StudyTable", examination: "cxr.model.Examination", n_folds: int
) -> tuple[tuple[str, int], ...]:
    """Count images from files found to those that the figures rest on."""
    # A bad mask leaves its image in the table.
    reasons = Counter(one.reason for one in examination.refusals if one.reason != "bad-mask")
    parts = Counter(table.frame["split"])
    n_used = len(examination.predictions)
    found = ("files found", len(table) + reasons.total())
    refused = [(f"refused: {reason}", n) for reason, n in sorted(reasons.items())]
    if n_folds > 1:
        used = [(f"answered for once, by one of {n_folds} models", n_used)]
        n_other, other = len(table) - n_used, "test part left unused, or copies"
    else:
        used = [("trained on", parts["train"]), ("chose the epoch", parts["val"])]
        used.append(("used for the figures", n_used))
        n_other, other = parts["test"] - n_used, "test images that are copies of training images"
    return (found, *refused, *used, *([(other, n_other)] if n_other else []))


def _sample_rows(examination: "cxr.model.Examination", rows: Sequence[int]) -> list[int]:
    """Take rows from each class in turn, evenly spaced through the table."""
    truth = examination.table.truth
    by_class = [[row for row in rows if truth[row] == k] for k in sorted(set(truth.tolist()))]
    share = max(1, N_CASES // max(1, len(by_class)))
    spaced = [of_class[:: max(1, len(of_class) // share)] for of_class in by_class]
    turns = chain.from_iterable(zip_longest(*spaced))
    return [row for row in turns if row is not None][:N_CASES]


def _find_mistakes(examination: "cxr.model.Examination", rows: Sequence[int]) -> list[int]:
    """Find wrong decisions, the most confident first."""
    truth, probabilities = examination.table.truth, examination.table.probabilities
    decided = probabilities.argmax(axis=1)
    wrong = [row for row in rows if truth[row] >= 0 and decided[row] != truth[row]]
    return sorted(wrong, key=lambda row: -float(probabilities[row].max()))[:N_MISTAKES]


def _read_cases(
    examination: "cxr.model.Examination", rows: Sequence[int]
) -> tuple["cxr.report.Case", ...]:
    return tuple(_read_case(examination, row) for row in rows)


def _read_case(examination: "cxr.model.Examination", row: int) -> "cxr.report.Case":
    prediction, mask = examination.predictions[row], examination.masks[row]
    return cxr.report.Case(
        name=prediction.image,
        pixels=cxr.read_radiograph(prediction.image).pixels,
        truth=_find_truth(examination, row),
        prediction=prediction,
        mask=cxr.imaging.read_mask(mask) if mask is not None else None,
    )


def _find_truth(examination: "cxr.model.Examination", row: int) -> str | None:
    truth = int(examination.table.truth[row])
    return examination.table.classes[truth] if truth >= 0 else None
