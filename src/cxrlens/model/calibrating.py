"""A model is calibrated on a site's own cases, and its thresholds are chosen there.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrlens.data import StudyTable, read_table
from cxrlens.evaluation import (
    FEWEST_FOR_VECTOR,
    FEWEST_PATIENTS,
    CalibrationReport,
    OperatingReport,
    OperatingRule,
    Resampling,
    choose_method,
    choose_operating_point,
    compare_calibration,
    count_classes,
    cross_fit,
    explain_too_few_cases,
    fit_table,
    read_rule,
    report_flags,
)
from cxrlens.inference import WEIGHTS_FILE, save_bundle
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.model.examining import answer_table, tabulate_answers
from cxrlens.training import BUNDLE_FOLDER, claim_run_folder
from cxrlens.vocabulary import (
    ARGMAX,
    EACH_AT_HALF,
    Calibration,
    CalibrationMethod,
    OperatingPoint,
    PredictionTable,
    Progress,
    Provenance,
    Refusal,
    Scaling,
    Silence,
    TableError,
    show_name,
)


@dataclass(frozen=True, eq=False)
class SiteCalibration:
    """A calibrated model, and how much it can be believed."""

    model: Model
    """With its bundle, as saved."""

    calibration: CalibrationReport
    """Raw and calibrated probabilities, each case calibrated by other patients' cases alone."""

    operating: OperatingReport | None
    """What the rule comes to, each case held against a threshold that others chose; None without a
    rule."""

    refusals: tuple[Refusal, ...]
    """Files that were left out, and why."""

    notes: tuple[str, ...]
    """What a reader of the figures must know, one sentence each."""


def calibrate(
    model: Model,
    data: StudyTable | PathLike,
    *,
    method: CalibrationMethod | None = None,
    rule: str | None = None,
    out: PathLike | None = None,
) -> Model:
    """Calibrate a model on labelled cases that it never saw, and save it as a new bundle.

    Args:
        model: any; its weights stay as they are, to the bit.
        data: a table, or what `read_table` reads; files that trained the model are left out.
        method: `temperature` or `vector`; None takes what the cases are enough for.
        rule: chooses thresholds, such as `sensitivity>=0.95`; None leaves the plain decision.
        out: the run folder; None counts up `runs/calibrate`, `runs/calibrate2`, …

    Returns:
        The calibrated model.

    Raises:
        TableError: if there are too few cases of a class, or the rule cannot be met.
        BundleError: if the data have other classes.
        InputError: if the rule is not known.
        OutputError: if the run folder is in use, not empty, or cannot be written.
    """
    table = data if isinstance(data, StudyTable) else read_table(data)
    wanted = None if rule is None else read_rule(rule)
    with claim_run_folder(None if out is None else Path(out), "calibrate") as folder:
        return run_calibration(model, table, folder, method=method, rule=wanted).model


def run_calibration(
    model: Model,
    data: StudyTable,
    folder: Path,
    *,
    method: CalibrationMethod | None = None,
    rule: OperatingRule | None = None,
    progress: Progress | None = None,
) -> SiteCalibration:
    """Calibrate a model into a claimed folder.

    Args:
        model: as for `calibrate`, which raises what this raises.
        data: labelled cases.
        folder: gets `bundle`.
        method: as for `calibrate`.
        rule: as for `calibrate`, read.
        progress: is told of every step.
    """
    answered = answer_table(model, data, progress or Silence())
    one_model = np.zeros(len(answered.rows), dtype=np.int64)
    table = tabulate_answers(answered.prepared, answered.rows, answered.answers, one_model)
    # what is fitted anew is the network's own answer
    table = replace(table, calibrated=None, decisions=None)
    method = _resolve_method(table, method)
    crossed = cross_fit(table, method, rule)
    scaling = fit_table(table, table.is_labelled, method)
    known = table.take(table.is_labelled)
    n_images, n_patients = len(known.images), int(np.unique(known.clusters).size)
    words = f"{n_images} images of {n_patients} patients (data {answered.fingerprint[:12]}…)"
    point = EACH_AT_HALF if table.labels is not None else ARGMAX
    operating = None
    if rule is not None and crossed.flagged is not None:
        point = choose_operating_point(
            known, scaling.apply(known.logits), rule, words, FEWEST_PATIENTS
        )
        if not point.thresholds:
            raise TableError(
                f"no threshold reaches {rule} on these {n_images} images; ask for less, or give "
                "more images"
            )
        told = "these cases, each by a calibration and a threshold from other patients alone"
        operating = report_flags(table, crossed.flagged, [point], told)
    record, bundle = model.bundle.record, model.bundle
    digests = answered.prepared.images.digests
    calibrated = replace(
        record,
        calibration=_describe(known, scaling, words, record.digests[WEIGHTS_FILE]),
        operating_point=point,
        parent=record.digest,
        provenance=Provenance(),
    )
    used = frozenset(digests[row] for row in answered.rows[table.is_labelled])
    saved = save_bundle(
        replace(bundle, record=calibrated, seen=bundle.seen | used), folder / BUNDLE_FOLDER
    )
    way = f"{method} scaling, cross-fitted: each case by other patients' alone"
    return SiteCalibration(
        model=Model(saved),
        calibration=compare_calibration(table, crossed.probabilities, way, Resampling(0, 1000)),
        operating=operating,
        refusals=answered.prepared.table.refusals,
        notes=(
            *answered.prepared.table.notes,
            *_note_thresholds(model, rule),
            *_note_no_threshold(table, point),
        ),
    )


def _resolve_method(table: PredictionTable, method: CalibrationMethod | None) -> CalibrationMethod:
    why = explain_too_few_cases(table)
    if why is not None:
        raise TableError(f"too few cases to calibrate: {why}; give more labelled images")
    counts = count_classes(table.classes, table.known_labels, table.clusters)
    best = choose_method(counts)
    if method == "vector" and best != "vector":
        least = min(counts, key=lambda one: min(one.n_positive_patients, one.n_negative_patients))
        raise TableError(
            f"vector scaling needs {FEWEST_FOR_VECTOR} patients with and without every class; "
            f"{least.class_name} has {least.n_positive_patients} with and "
            f"{least.n_negative_patients} without it: give more, or --method temperature"
        )
    return method or best


def _describe(known: PredictionTable, scaling: Scaling, words: str, weights: str) -> Calibration:
    return Calibration(
        scaling=scaling,
        fitted_on=words,
        n_images=len(known.images),
        n_patients=int(np.unique(known.clusters).size),
        counts=count_classes(known.classes, known.known_labels, known.clusters),
        weights=weights,
    )


def _note_thresholds(model: Model, rule: OperatingRule | None) -> list[str]:
    point = model.bundle.record.operating_point
    if rule is not None or not point.thresholds:
        return []
    return [
        f"the thresholds of the parent model ({point.threshold_rule}) were for its own "
        "probabilities and are not taken over; give --rule to choose new ones"
    ]


def _note_no_threshold(table: PredictionTable, point: OperatingPoint) -> list[str]:
    having = {one.class_name for one in point.thresholds}
    lacking = [name for name in table.classes if name not in having]
    if not having or not lacking or (len(table.classes) == 2 and table.labels is None):
        return []
    instead = "decided for from 0.5 on" if table.labels is not None else "not flagged"
    return [
        f"no threshold for {', '.join(map(show_name, lacking))}, {instead}: fewer than "
        f"{FEWEST_PATIENTS} patients with or without it, or {point.threshold_rule} is not reached"
    ]
