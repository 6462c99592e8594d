"""One look at one chart: a window of new cases against the reference.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from cxrlens.evaluation.drift_alarm import DriftAlarm
from cxrlens.evaluation.psi import count_bins, find_psi_p_value, measure_psi


@dataclass(frozen=True)
class DriftLook:
    """What one chart showed in one look."""

    chart: str
    """What was charted."""

    look: int
    """Which of the declared looks, from 1."""

    case: int
    """Cases watched up to its end."""

    n_window: int
    """Cases of the window."""

    n_reference: int
    """Cases of the reference that they were compared with."""

    median: float
    """Of the window."""

    reference_median: float
    """Of the reference."""

    psi: float
    """Population stability index."""

    psi_p_value: float
    """How often chance alone gives as large a one."""

    distance: float
    """Kolmogorov and Smirnov's: the largest gap between the two distribution functions, in
    [0, 1]."""

    distance_p_value: float
    """How often chance alone gives as large a one."""

    limit: float
    """The p-value up to which either raises an alarm."""

    @property
    def is_alarm(self) -> bool:
        """Whether either p-value is at or below the limit."""
        return min(self.psi_p_value, self.distance_p_value) <= self.limit

    def tell_alarm(self) -> DriftAlarm:
        """Tell an alarm in words."""
        return DriftAlarm(
            self.chart,
            self.case,
            f"{self.chart} changed: the {self.n_window} cases up to case {self.case} have a "
            f"median of {self.median:.3g}, the {self.n_reference} of the reference one of "
            f"{self.reference_median:.3g}; population stability index {self.psi:.2f} "
            f"(p = {self.psi_p_value:.2g}), Kolmogorov-Smirnov distance {self.distance:.2f} "
            f"(p = {self.distance_p_value:.2g}), alarm at p <= {self.limit:.2g}",
        )


@dataclass(frozen=True, eq=False)
class DriftColumn:
    """One charted number, of the reference and of the cases that are watched."""

    chart: str
    """What is charted."""

    edges: Float64[np.ndarray, " edges"]
    """Of the bins, from cases that are in neither."""

    reference: Float[np.ndarray, " reference"]
    """One number a case of the reference."""

    watched: Float[np.ndarray, " watched"]
    """One number a case, in the order of arrival."""

    def look(self, number: int, window: int, limit: float, rng: np.random.Generator) -> DriftLook:
        """Look at one window.

        Args:
            number: of the look, from 1; its window is complete.
            window: cases a look.
            limit: the p-value up to which an alarm is raised.
            rng: of the permutations.

        Source:
            Massey, J Am Stat Assoc 1951;46:68-78 (Kolmogorov and Smirnov's test; where values are
            equal its p-value is too large rather than too small).
        """
        from scipy.stats import ks_2samp  # noqa: PLC0415 (slow)

        own = self.watched[(number - 1) * window : number * window]
        counts = count_bins(self.reference, self.edges), count_bins(own, self.edges)
        distance = ks_2samp(self.reference, own)
        return DriftLook(
            chart=self.chart,
            look=number,
            case=number * window,
            n_window=window,
            n_reference=self.reference.size,
            median=float(np.median(own)),
            reference_median=float(np.median(self.reference)),
            psi=measure_psi(*counts),
            psi_p_value=find_psi_p_value(*counts, limit, rng),
            distance=float(distance.statistic),
            distance_p_value=float(distance.pvalue),
            limit=limit,
        )
