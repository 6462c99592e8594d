"""One figure of two models on the same cases, on its way through a comparison.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.cases_needed import CasesNeeded, find_cases_needed
from cxrlens.evaluation.discordance import Discordance
from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.gap import Ends, Gap
from cxrlens.evaluation.holm import adjust_p_values
from cxrlens.evaluation.records import Difference
from cxrlens.vocabulary import Estimate


@dataclass(frozen=True)
class PairedFigure:
    """One figure of two models on the same cases."""

    name: str
    """What was measured: `AUROC`, `macro AUROC`, `accuracy`, `sensitivity` or `specificity`."""

    class_name: str | None
    """The class taken as positive; None where the figure is of all classes together."""

    first: Estimate
    """Of the model that is asked about."""

    second: Estimate
    """Of the other."""

    difference: Difference
    """The first less the second; its own p-value belongs to its interval."""

    bootstrap: Ends | None
    """Ends of the 95 % percentile bootstrap of the difference, patients drawn again; None where
    there are too few patients."""

    discordance: Discordance | None
    """Of shares of right decisions, where the two models differ, with the exact test."""

    p_value: float | None
    """The one to report, two-sided: of decisions the exact test's, else that of the difference."""

    adjusted_p_value: float | None
    """The same after Holm over the classes that the figure was measured of; None where it was not
    adjusted."""

    needed: CasesNeeded | None
    """To find the smallest difference of interest; None where too few patients tell the models
    apart to know."""

    needed_as_seen: CasesNeeded | None
    """To find a true difference as large as the one seen, which is a poor guess of the true one;
    None where it is not known, or nothing was seen."""

    @property
    def label(self) -> str:
        """What was measured, and of which class."""
        return self.name if self.class_name is None else f"{self.name} of {self.class_name}"


@dataclass(frozen=True)
class Size:
    """How large a study is, and what it is asked to find."""

    n_patients: int
    """Patients; an unknown patient counts as one each."""

    n_images: int
    """Images with a known truth."""

    smallest: float
    """The smallest difference of interest."""

    def plan(self, variance: float | None, difference: float | None) -> CasesNeeded | None:
        """Find how many cases it takes, where the variance is known and something is looked for."""
        if not variance or not difference:
            return None
        return find_cases_needed(variance, self.n_patients, self.n_images, abs(difference))


def pair_figures(
    name: tuple[str, str | None],
    gap: Gap | None,
    draws: Float64[np.ndarray, " b"],
    size: Size,
    discordance: Discordance | None = None,
) -> PairedFigure:
    """Tell one figure of two models.

    Args:
        name: what was measured, and of which class.
        gap: between them; None where one of them does not exist.
        draws: the difference in each resample of patients; NaN where it does not exist.
        size: of the study.
        discordance: of shares of right decisions.

    Returns:
        The figure, its p-value not adjusted yet.
    """
    if gap is None:
        undefined = leave_undefined("no fold, or no image, has what it is measured on")
        nothing = Difference(undefined, None)
        return PairedFigure(
            *name, undefined, undefined, nothing, None, None, None, None, None, None
        )
    difference = gap.to_difference()
    defined = draws[np.isfinite(draws)]
    has_ends = difference.estimate.low is not None and defined.size > 0
    is_known = has_ends and not gap.is_lean
    variance = gap.spread.variance if is_known else None
    return PairedFigure(
        name=name[0],
        class_name=name[1],
        first=gap.first.to_estimate(),
        second=gap.second.to_estimate(),
        difference=difference,
        bootstrap=_find_ends(defined) if has_ends else None,
        discordance=discordance,
        p_value=discordance.p_value if discordance else difference.p_value,
        adjusted_p_value=None,
        needed=size.plan(variance, size.smallest),
        needed_as_seen=size.plan(variance, gap.value),
    )


def _find_ends(draws: Float64[np.ndarray, " b"]) -> Ends:
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


def adjust(figures: Sequence[PairedFigure]) -> tuple[PairedFigure, ...]:
    """Adjust the p-values of one figure measured of several classes, for looking at all of them.

    Args:
        figures: the same of each class; those without a p-value are left as they are.

    Returns:
        The same with `adjusted_p_value`.

    Source:
        Holm, Scand J Stat 1979;6:65-70.
    """
    adjusted = adjust_p_values([one.p_value for one in figures])
    return tuple(
        replace(one, adjusted_p_value=p_value)
        for one, p_value in zip(figures, adjusted, strict=True)
    )
