"""What a model came to is gathered into a report, written and shown.

SPDX-License-Identifier: Apache-2.0
"""

import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from math import isnan
from pathlib import Path

import numpy as np

import cxrlens as cxr
from cxrlens.cli.console import say, show_json, show_line, show_table
from cxrlens.cli.counting import USED, count_evaluation, count_part, count_parts, count_training
from cxrlens.cli.options import EXIT_PARTIAL

N_CASES = 24
"""Predictions in the grid of a report."""

MAX_CLASSES = 4
"""Classes whose calibration stands on the screen; more stand only in the report."""

_BALANCED = " (balanced accuracy)"
"""What the mean of the classes' recalls is called too, where an image has one class."""

N_MISTAKES = 16
"""Mistakes in the gallery of a report."""


@dataclass(frozen=True)
class Wishes:
    """What a person asked of a report."""

    by: Sequence[str] | None = None
    """Columns to judge groups by; None takes the usual ones."""

    shows_images: bool = True
    """Whether pictures of the cases may be shown."""

    prevalence: Mapping[str, float] = field(default_factory=dict)
    """How common classes are where the figures are wanted."""


NO_WISHES = Wishes()
"""Nothing was asked for."""


def describe_training(
    training: "cxr.model.Training",
    title: str,
    wishes: Wishes = Wishes(),
    difficulty: "Sequence[cxr.report.Measure]" = (),
) -> "cxr.report.Report":
    """Gather what a training came to into a report.

    Args:
        training: with its examination.
        title: the page's heading.
        wishes: what was asked of it.
        difficulty: of the phantoms; empty for real images.
    """
    report = _describe_models(training.models, training.examination, title, wishes)
    n_folds = len(training.models) // max(1, len(training.runs))
    return replace(
        report,
        difficulty=tuple(difficulty),
        histories=tuple(
            cxr.report.History(
                number % n_folds,
                epochs,
                training.runs[number // n_folds].seed if training.runs else None,
            )
            for number, epochs in enumerate(training.histories)
        ),
        seeds=training.spread,
        stages=training.stages,
        flow=count_training(training.table, training.examination, n_folds),
        parts=count_parts(training.table, training.examination, n_folds, wishes.by),
        digests=replace(report.digests, split=training.split_digest),
    )


def describe_evaluation(
    model: "cxr.Model", examination: "cxr.model.Examination", title: str, wishes: Wishes
) -> "cxr.report.Report":
    """Gather how a model did on other data into a report.

    Args:
        model: that answered.
        examination: of its answers.
        title: the page's heading.
        wishes: what was asked of it.
    """
    asked = wishes.prevalence
    of_classes = examination.operating[0].per_class
    rebased = [cxr.evaluation.rebase(one, asked[one.class_name])
               for one in of_classes if one.class_name in asked]  # fmt: skip
    return replace(
        _describe_models([model], examination, title, wishes),
        flow=count_evaluation(examination),
        parts=(count_part(USED, examination.rows, wishes.by),),
        prevalence=tuple(rebased),
    )


def write_results(
    folder: Path,
    report: "cxr.report.Report",
    examination: "cxr.model.Examination",
    runs: "Sequence[cxr.model.SeedRun]" = (),
) -> None:
    """Write the report, its figures and the predictions behind them into a run folder.

    With several seeds the predictions of each stand in its own folder.
    """
    for run in runs:
        _write_predictions(folder / f"seed{run.seed}", run.examination)
    if not runs:
        _write_predictions(folder, examination)
    cxr.report.write_report(folder, report)
    cxr.report.write_pictures(folder / "pictures", report)


def _write_predictions(folder: Path, examination: "cxr.model.Examination") -> None:
    truths = examination.table.truths
    labels = [_find_labels(examination, row) for row in range(len(truths))]
    known = None if examination.table.labels is None else [one or {} for one in labels]
    origins = _list_origins(examination)
    cxr.report.write_predictions(folder, examination.predictions, truths, known, origins)


def _list_origins(examination: "cxr.model.Examination") -> "list[cxr.report.Origin]":
    """Patient, fold and source of each answer; no fold where one model gave them all."""
    table = examination.table
    folds = table.folds.tolist()
    return [
        cxr.report.Origin(patient, fold + 1 if max(folds) else None, source)
        for patient, fold, source in zip(table.patients, folds, examination.sources, strict=True)
    ]


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
    spread = report.seeds
    seeds = "" if spread is None else f" × {len(spread.by_seed)} seeds"
    counts = f"{figures.n_images} images{seeds}, {figures.n_patients} patients"
    is_known = cxr.vocabulary.UNKNOWN_TRAINING not in report.notes
    whose = "cases it never saw" if is_known else "cases that it may have been trained on"
    show_line(f"on {whose} ({counts}; 95 % intervals):")
    rows = [["macro AUROC", str(figures.macro_auroc)]]
    if not figures.is_multilabel:
        rows.append(["accuracy", str(figures.accuracy)])
    rows += [
        ["macro precision", str(figures.macro_precision)],
        [
            f"macro recall{_BALANCED if not figures.is_multilabel else ''}",
            str(figures.macro_recall),
        ],
        ["macro F1", str(figures.macro_f1)],
    ]
    if figures.is_multilabel:
        rows.append(["balanced accuracy", str(figures.balanced_accuracy)])
    rows.append(["Brier score", str(figures.brier)])
    rows.append(["calibration error (ECE)", str(figures.calibration_error)])
    if figures.is_multilabel:
        rows += [[f"{one.class_name}: AUROC", str(one.auroc)] for one in figures.per_class]
    rows += list_calibration(report.calibration)
    rows += _list_operating(report)
    rows += [[f"{c.name} alone: macro AUROC", str(c.auroc)] for c in report.controls]
    for one in report.maps.per_class if report.maps else ():
        rows.append([f"maps of {one.class_name}: pointing game", str(one.pointing_game)])
        rows.append([f"maps of {one.class_name}: strict hit rate", str(one.hit_rate)])
    rows += [[f"phantoms: {m.name}", f"{m.value} (bound {m.bound})"] for m in report.difficulty]
    show_table(["figure", "value"], rows)


def list_calibration(report: "cxr.evaluation.CalibrationReport | None") -> list[list[str]]:
    """Rows of the Brier score and the calibration error, raw and calibrated.

    Of many classes none: they stand in the report.
    """
    rows: list[list[str]] = []
    if report is None or len(report.per_class) > MAX_CLASSES:
        return rows
    for one in report.per_class:
        sides = [("raw", one.raw)]
        sides += [("calibrated", one.calibrated)] if one.calibrated is not None else []
        for side, figures in sides:
            rows.append([f"{one.class_name}: Brier score, {side}", str(figures.brier)])
            error = str(figures.debiased_error)
            rows.append([f"{one.class_name}: calibration error, debiased, {side}", error])
    return rows


def list_flags(report: "cxr.evaluation.OperatingReport") -> list[list[str]]:
    """Rows of what the thresholds that were chosen come to."""
    rows = []
    for one in report.per_class:
        levels = ", ".join(f"{level:.4f}" for level in one.thresholds)
        name = f"{one.class_name}: {report.rule}"
        rows.append([f"{name}, threshold", levels])
        rows.append([f"{name}, sensitivity", str(one.sensitivity)])
        rows.append([f"{name}, specificity", str(one.specificity)])
    return rows


def _list_operating(report: "cxr.report.Report") -> list[list[str]]:
    # thresholds by other rules than the model's own stand in the report alone
    own = report.operating[:1]
    rows = [row for one in own if any(c.chosen for c in one.per_class) for row in list_flags(one)]
    for one in report.prevalence:
        name = f"{one.class_name} at a prevalence of {one.prevalence:g}"
        rows.append([f"{name}: PPV", str(one.ppv)])
        rows.append([f"{name}: NPV", str(one.npv)])
        rows.append([f"{name}: alerts per 100", str(one.alerts_per_100)])
        rows.append([f"{name}: number needed to read", str(one.number_needed_to_read)])
        rows.append([f"{name}: net benefit", str(one.net_benefit)])
    return rows


def _describe_models(
    models: "Sequence[cxr.Model]", examination: "cxr.model.Examination", title: str, wishes: Wishes
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
        calibration=examination.calibration,
        operating=examination.operating,
        controls=examination.controls,
        recipe=record.recipe,
        model=_describe_record(record),
        subgroups=cxr.model.judge_groups(examination, wishes.by),
        shows_images=wishes.shows_images,
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


def _describe_record(record: "cxr.inference.BundleRecord") -> "cxr.vocabulary.Plain":
    """What the model card of a report says of a bundle."""
    told = {
        "classes": record.classes,
        "network": record.network,
        "initial_weights": record.initial_weights,
        "preprocessing": record.preprocessing,
        "is_multilabel": record.is_multilabel,
        "is_calibrated": record.calibration is not None,
        "is_phantom": record.data.is_phantom,
        "is_known": record.data.is_known,
        "counts": record.data.counts,
    }
    return cxr.vocabulary.to_plain(told)


def _sample_rows(examination: "cxr.model.Examination", rows: Sequence[int]) -> list[int]:
    """Take rows from each class in turn, evenly spaced through the table."""
    truth = _group_rows(examination.table)
    by_class = [[row for row in rows if truth[row] == k] for k in sorted(set(truth))]
    share = max(1, N_CASES // max(1, len(by_class)))
    spaced = [of_class[:: max(1, len(of_class) // share)] for of_class in by_class]
    turns = chain.from_iterable(zip_longest(*spaced))
    return [row for row in turns if row is not None][:N_CASES]


def _group_rows(table: "cxr.vocabulary.PredictionTable") -> list[int]:
    """A number for each row's class; of several the rarest of those that are there, else -1."""
    if table.labels is None:
        return [int(index) for index in table.truth]
    is_there = table.labels == 1
    order = np.argsort(is_there.sum(axis=0), kind="stable")
    rarest = order[is_there[:, order].argmax(axis=1)]
    return [int(index) for index in np.where(is_there.any(axis=1), rarest, -1)]


def _find_mistakes(examination: "cxr.model.Examination", rows: Sequence[int]) -> list[int]:
    """Find wrong decisions: of each way to go wrong the most confident, then the next of each.

    Of several classes an image the worst counts.
    """
    truth, probabilities = examination.table.truth, examination.table.probabilities
    labels = examination.table.labels
    if labels is not None:
        is_decided = examination.table.decided
        off = np.where(is_decided, probabilities, 1 - probabilities)
        is_wrong = np.where(is_decided, labels == 0, labels == 1)
        by_class = np.where(is_wrong, off, 0)
        worst, place = by_class.max(axis=1), by_class.argmax(axis=1)
        ways = [(int(one), bool(is_decided[row, one])) for row, one in enumerate(place)]
    else:
        decided = examination.table.decided.argmax(axis=1)
        sure = probabilities[np.arange(len(decided)), decided]
        worst = np.where((truth >= 0) & (decided != truth), sure, 0)
        ways = list(zip(truth.tolist(), decided.tolist(), strict=True))
    wrong = sorted((row for row in rows if worst[row] > 0), key=lambda row: -worst[row])
    by_way: dict[tuple[int, int], list[int]] = {}
    for row in wrong:
        by_way.setdefault(ways[row], []).append(row)
    turns = chain.from_iterable(zip_longest(*by_way.values()))
    return [row for row in turns if row is not None][:N_MISTAKES]


def _read_cases(
    examination: "cxr.model.Examination", rows: Sequence[int]
) -> tuple["cxr.report.Case", ...]:
    truths = examination.table.truths
    return tuple(
        cxr.report.read_case(
            examination.predictions[row],
            truths[row],
            mask=examination.masks[row],
            labels=_find_labels(examination, row),
            origin=_tell_origin(examination, row),
        )
        for row in rows
    )


def _tell_origin(examination: "cxr.model.Examination", row: int) -> dict[str, str]:
    """What is known of one image beside its label: source, view, sex, age."""
    cells = examination.rows.frame.iloc[row]
    told = {name: cells[name] for name in ("source", "view", "sex", "age") if name in cells}
    unknown = (None, cxr.evaluation.UNKNOWN_GROUP)
    return {
        name: f"{value:g}" if isinstance(value, float) else cxr.vocabulary.show_name(str(value))
        for name, value in told.items()
        if value not in unknown and not (isinstance(value, float) and isnan(value))
    }


def _find_labels(examination: "cxr.model.Examination", row: int) -> "cxr.report.Labels | None":
    """What is known of each class of one image; None where an image has one class."""
    if examination.table.labels is None:
        return None
    values = examination.table.labels[row].tolist()
    known = (None if isnan(value) else int(value) for value in values)
    return dict(zip(examination.table.classes, known, strict=True))
