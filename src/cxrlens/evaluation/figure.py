"""A measured figure on its way to an estimate.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.evaluation.patients import TOO_FEW
from cxrlens.vocabulary import Estimate


@dataclass(frozen=True)
class Figure:
    """A value with its ends, before it is decided whether the ends may be shown."""

    value: float
    """The figure, in [0, 1] (κ and PABAK: in [-1, 1])."""

    low: float
    """Lower end of the 95 % interval, at most the value."""

    high: float
    """Upper end of the 95 % interval, at least the value."""

    n: int
    """Images that the figure rests on."""

    n_patients: int
    """Patients that the figure rests on (of an AUROC: of the rarer side)."""

    is_lean: bool
    """Whether so few patients went against the rest that resampling cannot see the spread."""

    method: str
    """How the interval was made."""

    def to_estimate(self) -> Estimate:
        """Show the ends only where enough patients stand behind them.

        Returns:
            The estimate; without ends where there are fewer than `TOO_FEW` patients.
        """
        if self.n_patients < TOO_FEW:
            why = f"no interval: it rests on {self.n_patients} patients, fewer than {TOO_FEW}"
            return Estimate(self.value, None, None, self.n, why)
        return Estimate(self.value, self.low, self.high, self.n, self.method)


def leave_undefined(why: str) -> Estimate:
    """Give the estimate of a figure that does not exist.

    Args:
        why: what is missing, such as `no image of this class`.

    Returns:
        An estimate without value and ends.
    """
    return Estimate(None, None, None, 0, f"not defined: {why}")
