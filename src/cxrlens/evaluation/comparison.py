"""Two prediction tables of the same cases become a comparison.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cxrlens.evaluation.auroc import Spread
from cxrlens.evaluation.auroc_gap import measure_auroc_gap
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.cases import Cases, select_labelled
from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.gap import Gap, find_correlation
from cxrlens.evaluation.macro_auroc_gap import compare_macro_aurocs
from cxrlens.evaluation.means import find_ratio_variance
from cxrlens.evaluation.patients import TOO_FEW, count_deviating, count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import Comparison, Difference
from cxrlens.vocabulary import Flags, PredictionTable, TableError, show_name


def compare(
    first: PredictionTable, second: PredictionTable, *, seed: int = 0, resamples: int = 2000
) -> Comparison:
    """Compare two models on the same cases: the first one's figures less the second's.

    Each image is decided for the class with the largest probability. Images of one patient are
    taken as dependent, patients as independent, the trained models as given: another training of
    the same recipe may give another difference. The folds of the two may differ; scores are
    compared within each model's own.

    Args:
        first: of the model that is asked about.
        second: of the other; the same images, in any order.
        seed: of the bootstrap behind the mean of more than two classes.
        resamples: how many times patients are drawn again, at least 40.

    Returns:
        The differences, each with a 95 % interval where there are patients enough.

    Raises:
        TableError: if classes, images, truths or patients differ, an image occurs twice, no truth
            is known, or an image may have several classes.
        InputError: if there are too few resamples.

    Source:
        `measure_auroc_gap` names its own; of more than two classes the percentile bootstrap over
        patients, the same ones for both models (Davison and Hinkley, Bootstrap Methods and their
        Application, 1997, §5.3); accuracy: the ratio estimator over patients of the paired
        differences -1, 0, 1 (Cochran, Sampling Techniques, 1977, §6.3), where few differ widened
        after Newcombe, Stat Med 1998;17:2635-2650.
    """
    resampling = Resampling(seed, resamples)
    models = select_labelled(first), select_labelled(_match(first, second))
    ranks = [(models[0].rank(i), models[1].rank(i)) for i in range(len(first.classes))]
    gaps = [measure_auroc_gap(*pair) for pair in ranks]
    unpaired = Difference(leave_undefined("no fold has an image of this class and another"), None)
    return Comparison(
        classes=first.classes,
        n_images=models[0].truth.size,
        n_patients=count_patients(models[0].clusters),
        accuracy=_measure_accuracy_gap(*models).to_difference(),
        macro_auroc=compare_macro_aurocs(models, gaps, resampling),
        auroc=tuple(gap.to_difference() if gap else unpaired for gap in gaps),
    )


def _match(first: PredictionTable, second: PredictionTable) -> PredictionTable:
    """The second table in the order of the first."""
    if first.labels is not None or second.labels is not None:
        raise TableError("models of several labels an image cannot be compared; choose one label")
    if first.classes != second.classes:
        raise TableError(
            f"the models must answer the same classes; the first has {_list(first.classes)}, the "
            f"second {_list(second.classes)}"
        )
    rows = {image: row for row, image in enumerate(second.images)}
    _check_images(first, second)
    order = np.array([rows[image] for image in first.images])
    patients = tuple(second.patients[row] for row in order)
    _check_same(first, "truth", first.truth.tolist(), second.truth[order].tolist())
    _check_same(first, "patient", first.patients, patients)
    return replace(
        second,
        images=first.images,
        patients=patients,
        truth=second.truth[order],
        logits=second.logits[order],
        probabilities=second.probabilities[order],
        folds=second.folds[order],
    )


def _check_images(first: PredictionTable, second: PredictionTable) -> None:
    for which, table in (("first", first), ("second", second)):
        if len(set(table.images)) < len(table.images):
            twice = next(one for i, one in enumerate(table.images) if one in table.images[:i])
            raise TableError(f"{show_name(twice)!r} occurs twice in the {which} table; match by it")
    for have, lack, which in ((first, second, "first"), (second, first, "second")):
        missing = sorted(set(have.images) - set(lack.images))
        if missing:
            raise TableError(
                f"the models must have answered the same images; {len(missing)} of "
                f"{len(have.images)} stand in the {which} table alone, such as "
                f"{show_name(missing[0])!r}"
            )


def _check_same(
    table: PredictionTable, what: str, ours: Sequence[object], theirs: Sequence[object]
) -> None:
    differs = [row for row, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]]
    if differs:
        row = differs[0]
        shown = [table.classes[one] if isinstance(one, int) and one >= 0 else one
                 for one in (ours[row], theirs[row])]  # fmt: skip
        raise TableError(
            f"the tables must agree on every {what}; of {show_name(table.images[row])!r} the first "
            f"says {shown[0]!r}, the second {shown[1]!r} ({len(differs)} images differ)"
        )


def _list(classes: Sequence[str]) -> str:
    return ", ".join(map(show_name, classes))


def _measure_accuracy_gap(first: Cases, second: Cases) -> Gap:
    clusters = first.clusters
    hits = _find_hits(first), _find_hits(second)
    moved = hits[0].astype(np.float64) - hits[1]
    variances = [find_ratio_variance(one.astype(np.float64), clusters) for one in hits]
    variance = find_ratio_variance(moved, clusters)
    everyone = np.ones(moved.size, dtype=np.bool_)
    return Gap(
        first=measure_proportion(hits[0], clusters),
        second=measure_proportion(hits[1], clusters),
        spread=Spread(variance, float(max(count_patients(clusters) - 1, 1))),
        correlation=find_correlation(variances[0], variances[1], variance),
        is_lean=count_deviating(clusters, moved, everyone) < TOO_FEW,
        method="t by patient, of the paired difference",
    )


def _find_hits(cases: Cases) -> Flags:
    return np.asarray(np.argmax(cases.scores, axis=1) == cases.truth)
