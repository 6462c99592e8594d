"""A figure with its interval.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A measured figure, how sure it is, and on how many cases it rests.

    Example:
        >>> print(Estimate(0.912, 0.881, 0.937, 400, "Wilson, by patient"))
        0.912 (0.881–0.937)
        >>> print(Estimate(-0.02, -0.05, 0.01, 400, "paired, by patient"))
        -0.020 (-0.050 to 0.010)
    """

    value: float | None
    """The figure; None where it is not defined (a class without positives has no AUROC)."""

    low: float | None
    """Lower end of the 95 % interval; None where there are too few cases to give one."""

    high: float | None
    """Upper end of the 95 % interval; None where there are too few cases to give one."""

    n: int
    """Images that the figure rests on."""

    method: str
    """How the interval was made, and what it takes as independent."""

    def __str__(self) -> str:
        """The figure as people read it."""
        if self.value is None:
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (too few for an interval)"
        dash = " to " if self.low < 0 else "–"
        return f"{self.value:.3f} ({self.low:.3f}{dash}{self.high:.3f})"
