"""The gap between two means of the classes' AUROCs.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.bootstrap import average_aurocs
from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.gap import (
    WIDENED,
    Ends,
    Gap,
    Span,
    combine_ends,
    find_correlation,
    leave_open,
    show,
    widen,
)
from cxrlens.evaluation.macro import MacroDraws, estimate_macro
from cxrlens.evaluation.patients import TOO_FEW
from cxrlens.evaluation.records import Difference
from cxrlens.vocabulary import Estimate

ClassDraws = Float64[np.ndarray, "b models classes"]
"""The AUROC of each of two models and each class in each resample of patients."""

MeanDraws = Float64[np.ndarray, "b models"]
"""The mean of each of two models in each resample of patients."""


@dataclass(frozen=True, eq=False)
class MacroGap:
    """Two means of the classes' AUROCs and their difference."""

    first: Estimate
    """Of the model that is asked about."""

    second: Estimate
    """Of the other."""

    difference: Difference
    """The first less the second."""

    ends: Ends | None
    """Of the percentile bootstrap of the difference; None where there was none."""

    variance: float | None
    """Of the difference; None where it is not known, or not believed."""


def compare_macro_aurocs(
    names: Sequence[str], gaps: Sequence[Gap | None], draws: ClassDraws
) -> MacroGap:
    """Compare the means of the classes' AUROCs, each class against all others.

    Args:
        names: the classes.
        gaps: of each class; None where a model has no AUROC.
        draws: of the AUROCs of those classes that have a gap, in their order.

    Returns:
        The means over those classes that both models have an AUROC of, and their difference.
        Which classes were left out is said in its method.
    """
    pairs = [gap for gap in gaps if gap]
    if not pairs:
        undefined = leave_undefined("no fold has images with and without a class")
        return MacroGap(undefined, undefined, Difference(undefined, None), None, None)
    left_out = [name for name, gap in zip(names, gaps, strict=True) if not gap]
    means = average_aurocs(draws)
    first, second = (_estimate_mean(pairs, means, column, left_out) for column in (0, 1))
    value = float(np.mean([gap.value for gap in pairs]))
    n = max(gap.n for gap in pairs)
    fewest = min(gap.n_patients for gap in pairs)
    if fewest < TOO_FEW or not len(means):
        return MacroGap(first, second, leave_open(value, n, fewest), None, None)
    moved = means[:, 0] - means[:, 1]
    ends = float(np.quantile(moved, 0.025)), float(np.quantile(moved, 0.975))
    method = "percentile bootstrap of patients, of the paired difference"
    if left_out:
        method += f"; left out, since both models need a value for them: {', '.join(left_out)}"
    if any(gap.is_lean for gap in pairs):
        wide = widen(ends, _combine_macros(first, second, means))
        told = show(value, wide, n, f"{method}, {WIDENED}", None)
        return MacroGap(first, second, told, ends, None)
    told = show(value, ends, n, method, _find_p(moved))
    return MacroGap(first, second, told, ends, float(moved.var(ddof=1)))


def _estimate_mean(
    pairs: Sequence[Gap], means: MeanDraws, column: int, left_out: Sequence[str]
) -> Estimate:
    figures = [(gap.first, gap.second)[column] for gap in pairs]
    return estimate_macro(
        float(np.mean([figure.value for figure in figures])),
        MacroDraws(figures, means[:, column], is_shared=True),
        max(figure.n for figure in figures),
        min(figure.n_patients for figure in figures),
        left_out,
    )


def _combine_macros(first: Estimate, second: Estimate, means: MeanDraws) -> Ends:
    """The ends of the difference from those of the two means."""
    spans = [_span(one) for one in (first, second)]
    moved = means[:, 0] - means[:, 1]
    ours, theirs = (float(means[:, column].var()) for column in (0, 1))
    return combine_ends(spans[0], spans[1], find_correlation(ours, theirs, float(moved.var())))


def _span(one: Estimate) -> Span:
    value = one.value or 0.0
    return Span(value, one.low or 0.0, value if one.high is None else one.high)


def _find_p(moved: Float64[np.ndarray, " b"]) -> float:
    """Twice the share of resamples on the far side of 0, the figure itself counted in.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application, 1997, §5.5 (an interval that
        just touches 0, read as a test); the one added: North et al., Am J Hum Genet
        2002;71:439-441.
    """
    far = min((moved <= 0).sum(), (moved >= 0).sum())
    return min(2 * (float(far) + 1) / (moved.size + 1), 1.0)
