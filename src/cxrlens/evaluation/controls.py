"""Something that is not the image's content, and how well it tells the classes apart.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cxrlens.evaluation.auroc import measure_auroc
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.cases import Cases
from cxrlens.evaluation.macro_auroc import estimate_macro_auroc
from cxrlens.evaluation.records import Control
from cxrlens.vocabulary import ClassIndices, Scores, TableError


def judge_control(
    name: str,
    values: Scores,
    truth: ClassIndices,
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
        truth: index into `classes`; -1 where it is not known: left out.
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
    _check_lengths(name, values.size, truth.size, clusters.size)
    _check_values(name, values)
    known = truth >= 0
    columns = np.repeat(values[known].astype(np.float64)[:, None], len(classes), axis=1)
    zeros = np.zeros(int(known.sum()), dtype=np.int64)
    cases = _orient(Cases(tuple(classes), truth[known], columns, clusters[known], zeros))
    figures = [measure_auroc(cases.rank(index)) for index in range(len(classes))]
    estimate = estimate_macro_auroc(cases, figures, Resampling(seed, 2000))
    hindsight = "; in hindsight, the direction that separates better"
    return Control(name, replace(estimate, method=estimate.method + hindsight))


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


def _orient(cases: Cases) -> Cases:
    """Turn the columns of those classes that score low."""
    figures = [measure_auroc(cases.rank(index)) for index in range(len(cases.classes))]
    signs = [-1.0 if figure and figure.value < 0.5 else 1.0 for figure in figures]
    return replace(cases, scores=cases.scores * np.array(signs))
