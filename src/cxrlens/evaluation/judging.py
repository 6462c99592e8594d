"""A prediction table becomes an evaluation.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.evaluation.bootstrap import Resampling, resample_counts
from cxrlens.evaluation.cases import Cases, select_labelled
from cxrlens.evaluation.class_figures import ClassFigures, measure_class, report_class
from cxrlens.evaluation.counts import average_over_classes, count_by_patient
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.macro import MacroDraws, estimate_macro
from cxrlens.evaluation.macro_auroc import estimate_macro_auroc
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import Evaluation, RocCurve
from cxrlens.evaluation.roc import draw_roc
from cxrlens.vocabulary import ClassIndices, Estimate, PredictionTable


def judge(table: PredictionTable, *, seed: int = 0, resamples: int = 2000) -> Evaluation:
    """Judge how well a model tells the classes apart.

    Each image is decided for the class with the largest probability. Rows without a truth are
    left out and counted. Images of one patient are taken as dependent, patients as independent,
    the trained models as given. A class that is never decided for has a precision of 0; a class
    without images has no recall, F1 and AUROC and is left out of the means over classes. Scores of
    different folds are never compared; counts are pooled over folds.

    Args:
        table: the predictions with truth, patients and folds.
        seed: of the bootstrap behind the means over classes.
        resamples: how many times patients are drawn again, at least 40.

    Returns:
        The figures, each with a 95 % interval where there are patients enough.

    Raises:
        TableError: if no truth is known.
        InputError: if there are too few resamples.

    Source:
        `measure_proportion`, `measure_auroc` and `estimate_macro` name theirs; F1's interval is
        Wilson's of its monotone relation TP / (TP + FP + FN).
    """
    resampling = Resampling(seed, resamples)
    cases = select_labelled(table)
    decisions = np.argmax(cases.scores, axis=1)
    classes = [measure_class(cases, decisions, i) for i in range(len(cases.classes))]
    macros = _estimate_count_macros(cases, decisions, classes, resampling)
    known = table.is_labelled
    return Evaluation(
        classes=cases.classes,
        n_images=cases.truth.size,
        n_patients=count_patients(cases.clusters),
        n_unknown_patients=sum(table.patients[row] is None for row in np.flatnonzero(known)),
        n_unlabelled=int((~known).sum()),
        n_folds=int(np.unique(cases.folds).size),
        accuracy=measure_proportion(decisions == cases.truth, cases.clusters).to_estimate(),
        macro_precision=macros[0],
        macro_recall=macros[1],
        macro_f1=macros[2],
        macro_auroc=estimate_macro_auroc(cases, [c.auroc for c in classes], resampling),
        per_class=tuple(report_class(cases, i, figures) for i, figures in enumerate(classes)),
        confusion=count_by_patient(cases, decisions).sum(axis=0),
        roc=_draw_curves(cases),
    )


def _estimate_count_macros(
    cases: Cases,
    decisions: ClassIndices,
    classes: Sequence[ClassFigures],
    resampling: Resampling,
) -> tuple[Estimate, Estimate, Estimate]:
    """Macro precision, recall and F1."""
    by_patient = count_by_patient(cases, decisions)
    seen = average_over_classes(by_patient.sum(axis=0, keepdims=True).astype(np.float64))
    drawn = average_over_classes(resample_counts(by_patient, resampling))
    fewest = min(cases.count_patients_of(index) for index in cases.present)
    left_out = [name for i, name in enumerate(cases.classes) if i not in cases.present]
    present = [classes[index] for index in cases.present]

    def estimate(name: str, figures: Sequence[Figure]) -> Estimate:
        # a wrong image counts in the F1 of two classes, in precision and recall of one
        known = MacroDraws(figures, getattr(drawn, name), is_shared=name == "f1")
        return estimate_macro(
            float(getattr(seen, name)[0]), known, cases.truth.size, fewest, left_out
        )

    return (
        estimate("precision", [figures.precision for figures in present]),
        estimate("recall", [figures.recall for figures in present]),
        estimate("f1", [figures.f1 for figures in present]),
    )


def _draw_curves(cases: Cases) -> tuple[RocCurve, ...]:
    curves = (draw_roc(cases.rank(i), name) for i, name in enumerate(cases.classes))
    return tuple(curve for curve in curves if curve is not None)
