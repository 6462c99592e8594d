"""The gap between two means of the classes' AUROCs.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.bootstrap import Resampling, resample_macro_aurocs
from cxrlens.evaluation.cases import Cases
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

Draws = Float64[np.ndarray, "b models"]
"""The mean of each of two models in each resample of patients."""


def compare_macro_aurocs(
    models: tuple[Cases, Cases], gaps: Sequence[Gap | None], resampling: Resampling
) -> Difference:
    """Compare the means of the classes' AUROCs, each class against all others.

    Args:
        models: what each says of the same labelled images, in the same order.
        gaps: of each class; None where a model has no AUROC.
        resampling: how often patients are drawn again, the same for both, and by which chance.

    Returns:
        The difference over those classes that both models have an AUROC of; for two classes that
        of the second class. Which classes were left out is said in its method.
    """
    known = {index: gap for index, gap in enumerate(gaps) if gap}
    if not known:
        return Difference(leave_undefined("no fold has images of two classes"), None)
    if len(gaps) == 2:
        return known[1].to_difference()
    pairs = list(known.values())
    value = float(np.mean([gap.value for gap in pairs]))
    n = max(gap.n for gap in pairs)
    fewest = min(gap.n_patients for gap in pairs)
    draws = resample_macro_aurocs(models, list(known), resampling)
    if fewest < TOO_FEW or not len(draws):
        return leave_open(value, n, fewest)
    moved = draws[:, 0] - draws[:, 1]
    ends = float(np.quantile(moved, 0.025)), float(np.quantile(moved, 0.975))
    method = "percentile bootstrap of patients, of the paired difference"
    left_out = [name for index, name in enumerate(models[0].classes) if index not in known]
    if left_out:
        method += f"; left out, since both models need a value for them: {', '.join(left_out)}"
    if any(gap.is_lean for gap in pairs):
        ends = widen(ends, _combine_macros(pairs, draws))
        return show(value, ends, n, f"{method}, {WIDENED}", None)
    return show(value, ends, n, method, _find_p(moved))


def _combine_macros(pairs: Sequence[Gap], draws: Draws) -> Ends:
    """The ends of the difference from those of the two means."""
    spans = []
    for column, figures in enumerate(zip(*((gap.first, gap.second) for gap in pairs), strict=True)):
        mean = float(np.mean([figure.value for figure in figures]))
        known = MacroDraws(figures, draws[:, column], is_shared=True)
        one = estimate_macro(mean, known, 0, TOO_FEW, [])
        spans.append(Span(mean, one.low or 0.0, mean if one.high is None else one.high))
    moved = draws[:, 0] - draws[:, 1]
    ours, theirs = (float(draws[:, column].var()) for column in (0, 1))
    return combine_ends(spans[0], spans[1], find_correlation(ours, theirs, float(moved.var())))


def _find_p(moved: Float64[np.ndarray, " b"]) -> float:
    """Twice the share of resamples on the far side of 0, the figure itself counted in.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application, 1997, §5.5 (an interval that
        just touches 0, read as a test); the one added: North et al., Am J Hum Genet
        2002;71:439-441.
    """
    far = min((moved <= 0).sum(), (moved >= 0).sum())
    return min(2 * (float(far) + 1) / (moved.size + 1), 1.0)
