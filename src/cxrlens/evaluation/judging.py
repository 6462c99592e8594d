"""A prediction table becomes an evaluation.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from cxrlens.evaluation.bootstrap import Resampling, resample_counts
from cxrlens.evaluation.cases import (
    AnyCases,
    Cases,
    MultiLabelCases,
    select_labelled,
    select_multilabel,
)
from cxrlens.evaluation.class_figures import ClassFigures, measure_class, report_class
from cxrlens.evaluation.counts import (
    Macros,
    average_over_classes,
    average_over_labels,
    count_by_patient,
    count_labels_by_patient,
)
from cxrlens.evaluation.figure import Figure, leave_undefined
from cxrlens.evaluation.macro import MacroDraws, estimate_macro
from cxrlens.evaluation.macro_auroc import estimate_macro_auroc
from cxrlens.evaluation.overall import Overall, measure_overall, measure_overall_of_labels
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import ClassReport, Counts, Evaluation, RocCurve
from cxrlens.evaluation.roc import draw_roc
from cxrlens.vocabulary import Estimate, PredictionTable


def judge(table: PredictionTable, *, seed: int = 0, resamples: int = 2000) -> Evaluation:
    """Judge how well a model tells the classes apart.

    Each image is decided for the class with the largest probability; where it may have several,
    for every class with a probability of at least 0.5, and each class is judged on its own, on
    the images whose label for it is known. A table that brings its decisions is judged by those.
    Rows without a truth are left out and counted, and so are uncertain and missing labels. Images
    of one patient are taken as dependent, patients as independent, the trained models as given. A
    class that is never decided for has a precision of 0; a class without images has no recall, F1,
    AUROC and average precision and is left out of their means over classes. Scores of different
    folds are never compared; counts are pooled over folds, and so are the probabilities that are
    held against the truth.

    Args:
        table: the predictions with truth, patients and folds.
        seed: of the bootstrap behind means over classes and calibration errors.
        resamples: how many times patients are drawn again, at least 40.

    Returns:
        The figures, each with a 95 % interval where there are patients enough.

    Raises:
        TableError: if no truth is known.
        InputError: if there are too few resamples.

    Source:
        `measure_proportion`, `measure_balanced_accuracy`, `measure_auroc`,
        `measure_average_precision`, `measure_brier`, `measure_calibration_error`,
        `estimate_macro` and `estimate_class_mean` name theirs; F1's interval is Wilson's of its
        monotone relation TP / (TP + FP + FN).
    """
    resampling = Resampling(seed, resamples)
    if table.labels is not None:
        return _judge_several(table, select_multilabel(table, table.labels), resampling)
    return _judge_one(table, select_labelled(table), resampling)


def _judge_one(table: PredictionTable, cases: Cases, resampling: Resampling) -> Evaluation:
    """Judge decisions for one class an image."""
    decisions = np.argmax(table.decided[table.is_labelled], axis=1)
    by_patient = count_by_patient(cases, decisions)
    classes = [
        measure_class(cases.rank(index), decisions == index, resampling)
        for index in range(len(cases.classes))
    ]
    accuracy = measure_proportion(decisions == cases.truth, cases.clusters).to_estimate()
    macros = _estimate_count_macros(cases, by_patient, average_over_classes, classes, resampling)
    overall = measure_overall(cases, classes, resampling)
    whole = _Whole(accuracy, macros, by_patient.sum(axis=0), overall)
    return _compose(table, cases, classes, whole, resampling)


def _judge_several(
    table: PredictionTable, cases: MultiLabelCases, resampling: Resampling
) -> Evaluation:
    """Judge decisions for or against each class on its own."""
    decisions = table.decided[table.is_labelled]
    by_patient = count_labels_by_patient(cases, decisions)
    classes = []
    for index in range(len(cases.classes)):
        known = np.isin(cases.labels[:, index], (0, 1))
        classes.append(measure_class(cases.rank(index), decisions[known, index], resampling))
    accuracy = leave_undefined("an image may have several classes, each is judged on its own")
    macros = _estimate_count_macros(cases, by_patient, average_over_labels, classes, resampling)
    whole = _Whole(
        accuracy, macros, None, measure_overall_of_labels(cases, decisions, classes, resampling)
    )
    return _compose(table, cases, classes, whole, resampling)


@dataclass(frozen=True, eq=False)
class _Whole:
    """What is said of all classes together, but for the AUROC."""

    accuracy: Estimate
    macros: tuple[Estimate, Estimate, Estimate]
    confusion: Counts | None
    overall: Overall


def _compose(
    table: PredictionTable,
    cases: AnyCases,
    classes: Sequence[ClassFigures],
    whole: _Whole,
    resampling: Resampling,
) -> Evaluation:
    known = table.is_labelled
    return Evaluation(
        classes=cases.classes,
        n_images=cases.clusters.size,
        n_patients=count_patients(cases.clusters),
        n_unknown_patients=sum(table.patients[row] is None for row in np.flatnonzero(known)),
        n_unlabelled=int((~known).sum()),
        n_folds=int(np.unique(cases.folds).size),
        accuracy=whole.accuracy,
        macro_precision=whole.macros[0],
        macro_recall=whole.macros[1],
        macro_f1=whole.macros[2],
        macro_auroc=estimate_macro_auroc(cases, [c.auroc for c in classes], resampling),
        balanced_accuracy=whole.overall.balanced_accuracy,
        micro_precision=whole.overall.micro_precision,
        micro_recall=whole.overall.micro_recall,
        micro_f1=whole.overall.micro_f1,
        macro_average_precision=whole.overall.macro_average_precision,
        brier=whole.overall.brier,
        calibration_error=whole.overall.calibration_error,
        calibration_error_debiased=whole.overall.calibration_error_debiased,
        per_class=_report_classes(cases, classes),
        confusion=whole.confusion,
        roc=_draw_curves(cases),
        is_multilabel=isinstance(cases, MultiLabelCases),
    )


def _report_classes(cases: AnyCases, classes: Sequence[ClassFigures]) -> tuple[ClassReport, ...]:
    reports = [
        report_class(name, cases.rank(index), classes[index])
        for index, name in enumerate(cases.classes)
    ]
    if isinstance(cases, MultiLabelCases):
        uncertain = (cases.labels == -1).sum(axis=0).tolist()
        missing = np.isnan(cases.labels).sum(axis=0).tolist()
        reports = [
            replace(report, n_uncertain=uncertain[index], n_missing=missing[index])
            for index, report in enumerate(reports)
        ]
    return tuple(reports)


def _estimate_count_macros(
    cases: AnyCases,
    by_patient: Int64[np.ndarray, "patients *counts"],
    average: Callable[..., Macros],
    classes: Sequence[ClassFigures],
    resampling: Resampling,
) -> tuple[Estimate, Estimate, Estimate]:
    """Macro precision, recall and F1."""
    if not cases.present:
        undefined = leave_undefined("no image of any class")
        return undefined, undefined, undefined
    seen = average(by_patient.sum(axis=0, keepdims=True).astype(np.float64))
    drawn = average(resample_counts(by_patient, resampling))
    fewest = min(cases.count_patients_of(index) for index in cases.present)
    left_out = [name for i, name in enumerate(cases.classes) if i not in cases.present]
    present = [classes[index] for index in cases.present]

    def estimate(name: str, figures: Sequence[Figure]) -> Estimate:
        # a wrong image counts in the F1 of two classes, in precision and recall of one; with
        # several labels it may count in any
        is_shared = name == "f1" or isinstance(cases, MultiLabelCases)
        draws = getattr(drawn, name)
        known = MacroDraws(figures, draws[np.isfinite(draws)], is_shared)
        return estimate_macro(
            float(getattr(seen, name)[0]), known, cases.clusters.size, fewest, left_out
        )

    return (
        estimate("precision", [figures.precision for figures in present]),
        estimate("recall", [figures.recall for figures in present]),
        estimate("f1", [figures.f1 for figures in present]),
    )


def _draw_curves(cases: AnyCases) -> tuple[RocCurve, ...]:
    curves = (draw_roc(cases.rank(i), name) for i, name in enumerate(cases.classes))
    return tuple(curve for curve in curves if curve is not None)
