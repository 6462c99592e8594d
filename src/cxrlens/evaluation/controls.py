"""Something that is not the image's content, and how well it tells the classes apart.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.auroc import measure_auroc
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.cases import AnyCases, Cases, MultiLabelCases
from cxrlens.evaluation.macro_auroc import estimate_macro_auroc
from cxrlens.evaluation.records import Control
from cxrlens.vocabulary import ClassIndices, LabelMatrix, Scores, TableError

N_FOLDS = 5
"""Parts of the patients that a category's shares are learnt across."""


def judge_control(
    name: str,
    values: Scores,
    truth: ClassIndices | LabelMatrix,
    classes: Sequence[str],
    clusters: ClassIndices,
    *,
    seed: int = 0,
) -> Control:
    """Judge how well one number a case, such as the file's size, tells the classes apart.

    A model that is not clearly better than this may have learned no more than this. For each
    class the direction is taken that separates better on these very cases; the value is
    therefore never below 0.5, and by chance somewhat above it; the interval may reach below.

    Args:
        name: what was looked at, such as `file bytes`.
        values: one finite number a case.
        truth: index into `classes`; -1 where it is not known: left out. Or, where a case may have
            several classes, one column a class: 1, 0, -1 uncertain, NaN missing.
        classes: the names of the classes.
        clusters: a number for each case's patient.
        seed: of the bootstrap behind the mean of more than two classes.

    Returns:
        The macro AUROC (of two classes: the one AUROC).

    Raises:
        TableError: if the columns differ in length or a value is not finite.

    Source:
        Zech et al., PLoS Medicine 2018;15:e1002683 (what the hospital alone tells about the
        disease).

    Example:
        >>> import numpy as np
        >>> truth = np.repeat([0, 1], 8)
        >>> control = judge_control(
        ...     "file bytes", np.arange(16.0), truth, ["normal", "covid"], np.arange(16)
        ... )
        >>> control.auroc.value
        1.0
    """
    _check_lengths(name, values.size, len(truth), clusters.size)
    _check_values(name, values)
    columns = np.repeat(values.astype(np.float64)[:, None], len(classes), axis=1)
    folds = np.zeros(len(truth), dtype=np.int64)
    cases = _orient(_gather(columns, truth, classes, clusters, folds))
    figures = [measure_auroc(cases.rank(index)) for index in range(len(classes))]
    estimate = estimate_macro_auroc(cases, figures, Resampling(seed, 2000))
    hindsight = "; in hindsight, the direction that separates better"
    return Control(name, replace(estimate, method=estimate.method + hindsight))


def _gather(
    scores: Float64[np.ndarray, "n k"],
    truth: ClassIndices | LabelMatrix,
    classes: Sequence[str],
    clusters: ClassIndices,
    folds: ClassIndices,
) -> AnyCases:
    """The cases with a truth."""
    known = truth >= 0 if truth.ndim == 1 else ((truth == 0) | (truth == 1)).any(axis=1)
    make = Cases if truth.ndim == 1 else MultiLabelCases
    return make(tuple(classes), truth[known], scores[known], clusters[known], folds[known])


def judge_category_control(
    name: str,
    categories: Sequence[str | None],
    truth: ClassIndices | LabelMatrix,
    classes: Sequence[str],
    clusters: ClassIndices,
    *,
    seed: int = 0,
) -> Control:
    """Judge how well one category a case, such as the hospital, tells the classes apart.

    What a model could learn that sees nothing else: the patients are dealt into five folds, and a
    case's score for a class is that class's share among the cases of its category in the other
    folds, with one case added that is shared out as all of them are (a category that stands in
    one fold alone therefore tells nothing). Cases are compared within folds, where those of one
    category tie and count half. Leaving out only the case's own patient would not do: each
    positive then lowers its own category's share, all its ties are lost, and a category that says
    nothing scores 0 in place of 0.5. The interval takes the shares as given. Where a category
    tells nearly nothing, which of its values is the likelier is itself learnt by chance: then 0.5
    lies outside of it more often than once in twenty (with 120 to 400 patients 11 to 23 % of 150
    drawn sets).

    Args:
        name: what was looked at, such as `source`.
        categories: one a case; None is a category of its own, `unknown`.
        truth: as for `judge_control`.
        classes: the names of the classes.
        clusters: a number for each case's patient.
        seed: of the folds, and of the bootstrap behind the mean of more than two classes.

    Returns:
        The macro AUROC (of two classes: the one AUROC); by chance it may lie below 0.5.

    Raises:
        TableError: if the columns differ in length.

    Source:
        Airola et al., Comput Stat Data Anal 2011;55:1828-1844 (what leaving one out does to an
        AUROC); Zech et al., PLoS Medicine 2018;15:e1002683.

    Example:
        >>> import numpy as np
        >>> truth = np.repeat([0, 1], 20)
        >>> source = ["NIH"] * 20 + ["journal"] * 20
        >>> control = judge_category_control(
        ...     "source", source, truth, ["normal", "covid"], np.arange(40)
        ... )
        >>> control.auroc.value
        1.0
    """
    _check_lengths(name, len(categories), len(truth), clusters.size)
    labels = _spread_out(truth, len(classes)) if truth.ndim == 1 else truth
    told = ["unknown" if one is None else str(one) for one in categories]
    folds = _deal(labels, clusters, seed)
    cases = _gather(_learn_shares(told, labels, folds), truth, classes, clusters, folds)
    figures = [measure_auroc(cases.rank(index)) for index in range(len(classes))]
    estimate = estimate_macro_auroc(cases, figures, Resampling(seed, 2000))
    learnt = "; the classes' shares learnt from other patients, and taken as given"
    return Control(name, replace(estimate, method=estimate.method + learnt))


def judge_learnt_control(
    name: str,
    scores: Float64[np.ndarray, "n k"],
    labels: Float64[np.ndarray, "n k"],
    classes: Sequence[str],
    clusters: ClassIndices,
    folds: ClassIndices,
) -> Control:
    """Judge how well a classifier that sees something else than the lungs tells the classes apart.

    Args:
        name: what it sees.
        scores: learnt from other folds; larger speaks for the class. Compared within folds only.
        labels: 1, 0, NaN not known; of classes that exclude each other one 1 a row.
        classes: the names of the classes.
        clusters: a number for each case's patient, who lies in one fold.
        folds: of each case.

    Returns:
        The macro AUROC (of two classes that exclude each other: the one AUROC); by chance it may
        lie below 0.5. The interval takes the learnt classifiers as given.

    Raises:
        TableError: if the columns differ in length.
    """
    _check_lengths(name, len(scores), len(labels), clusters.size)
    cases = gather_answers(scores, labels, classes, clusters, folds)
    figures = [measure_auroc(cases.rank(index)) for index in range(len(classes))]
    estimate = estimate_macro_auroc(cases, figures, Resampling(0, 2000))
    learnt = "; learnt from other patients, and taken as given"
    return Control(name, replace(estimate, method=estimate.method + learnt))


def gather_answers(
    scores: Float64[np.ndarray, "n k"],
    labels: Float64[np.ndarray, "n k"],
    classes: Sequence[str],
    clusters: ClassIndices,
    folds: ClassIndices,
) -> AnyCases:
    """Gather the cases with a known truth, of classes that exclude each other or do not.

    Args:
        scores: larger speaks for the class.
        labels: 1, 0, NaN not known; classes exclude each other where every row has one 1.
        classes: their names.
        clusters: a number for each case's patient.
        folds: of each case.
    """
    matrix = labels.astype(np.float32)
    known = np.isfinite(matrix).all(axis=1)
    is_exclusive = bool(known.any() and (matrix[known].sum(axis=1) == 1).all())
    is_exclusive = is_exclusive and not np.isfinite(matrix[~known]).any()
    truth = np.where(known, np.argmax(np.nan_to_num(matrix), axis=1), -1)
    return _gather(scores, truth if is_exclusive else matrix, classes, clusters, folds)


def _spread_out(truth: ClassIndices, k: int) -> LabelMatrix:
    """A column a class: 1 of the true one, 0 of the others; missing where nothing is known."""
    labels: LabelMatrix = np.eye(k, dtype=np.float32)[truth]
    labels[truth < 0] = np.nan
    return labels


def _deal(labels: LabelMatrix, clusters: ClassIndices, seed: int) -> ClassIndices:
    """A fold for each case: patients in random order, class by class, dealt like cards."""
    _, first, position = np.unique(clusters, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(first.size)
    leading = np.argmax(labels[first[order]] == 1, axis=1)
    order = order[np.argsort(leading, kind="stable")]
    folds = np.empty(first.size, dtype=np.int64)
    folds[order] = np.arange(first.size) % N_FOLDS
    return np.asarray(folds[position])


def _learn_shares(
    told: Sequence[str], labels: LabelMatrix, folds: ClassIndices
) -> Float64[np.ndarray, "n k"]:
    """For each case the classes' shares of its category in the other folds."""
    names, category = np.unique(np.array(told), return_inverse=True)

    def count_in_others(flags: np.ndarray) -> np.ndarray:
        counts = np.zeros((N_FOLDS, names.size, labels.shape[1]))
        np.add.at(counts, (folds, category), flags)
        return np.asarray(counts.sum(axis=0) - counts)

    having, known = count_in_others(labels == 1), count_in_others((labels == 0) | (labels == 1))
    everywhere = np.maximum(known.sum(axis=1, keepdims=True), 1)
    priors = having.sum(axis=1, keepdims=True) / everywhere
    return np.asarray(((having + priors) / (known + 1))[folds, category])


def _check_lengths(name: str, n_values: int, n_truths: int, n_patients: int) -> None:
    if not n_values == n_truths == n_patients:
        raise TableError(
            f"a control needs one truth and one patient a value; got {n_values} values of "
            f"{name!r}, {n_truths} truths and {n_patients} patients. Give equally long columns."
        )


def _check_values(name: str, values: Scores) -> None:
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise TableError(
            f"a control's values must be finite; got {values[row]} of {name!r} in row {row}. "
            "Leave out the cases that have none."
        )


def _orient(cases: AnyCases) -> AnyCases:
    """Turn the columns of those classes that score low."""
    figures = [measure_auroc(cases.rank(index)) for index in range(len(cases.classes))]
    signs = [-1.0 if figure and figure.value < 0.5 else 1.0 for figure in figures]
    return replace(cases, scores=cases.scores * np.array(signs))
