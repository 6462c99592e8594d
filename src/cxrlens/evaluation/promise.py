"""What a machine that decides alone must keep: set before anybody looks at the cases.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.special import expit

from cxrlens.evaluation.certainty import count_positives_to_certify
from cxrlens.evaluation.moment import read_moment
from cxrlens.vocabulary import InputError

Side = Literal["negative", "positive"]
"""What the machine decides alone: `negative` where the score is below the threshold, `positive`
where it is above. Everything else is referred to a reader."""

GRID: tuple[float, ...] = tuple(expit(np.linspace(-14, 14, 1121)).tolist())
"""Thresholds that are tried: 1,121 of them, evenly spaced on the logit scale (0.025 apart) from
one in a million to all but one in a million. They are the same whatever the cases, and trying many
costs nothing, since they are tried in a fixed order."""


@dataclass(frozen=True)
class Promise:
    """At most this share of the patients at stake are decided wrongly, with this confidence.

    At stake, where the machine decides negative, are the patients with the finding (the wrong
    decision is a miss); where it decides positive, those without it (a false alarm).

    Of several looks each may spend its part of `delta`, in proportion to the patients that came
    since the look before (linear spending, Lan and DeMets 1983). The parts are added up as if the
    looks had nothing in common (Bonferroni), which errs on the safe side.

    Raises:
        InputError: if a number is out of its range, or a look could not certify anything, however
            few decisions are wrong: it would spend for nothing.

    Source:
        Lan and DeMets, Biometrika 1983;70:659-663.

    Example:
        >>> promise = Promise("pneumonia", 0.05, 0.05, (150, 300), "2030-01-01T00:00:00+00:00")
        >>> promise.find_spending()
        (0.025, 0.025)
    """

    finding: str
    """The class that is decided about."""

    risk: float
    """The largest share of patients at stake that may be decided wrongly, in (0, 1)."""

    delta: float
    """How often such a promise may be broken, in (0, 1)."""

    looks: tuple[int, ...]
    """After how many patients at stake the cases are looked at, ascending; one number is a sample
    size fixed beforehand."""

    expires: str
    """When a certificate of it ends at the latest: ISO 8601 with a time zone."""

    decides: Side = "negative"
    """What the machine decides alone."""

    grid: tuple[float, ...] = GRID
    """Thresholds to try, ascending, in [0, 1]: fixed beforehand or taken from other cases."""

    def __post_init__(self) -> None:
        """Check that the promise can be kept at all."""
        if not self.finding:
            raise InputError("a promise is about one finding; got none: name the class")
        read_moment(self.expires)
        check_grid(self.grid)
        if not self.looks or any(b <= a for a, b in pairwise((0, *self.looks))):
            raise InputError(
                f"looks of a promise are numbers of patients, ascending from 1; got {self.looks}"
            )
        for look, (n, delta) in enumerate(zip(self.looks, self.find_spending(), strict=True), 1):
            needed = count_positives_to_certify(self.risk, delta)
            if n < needed:
                raise InputError(
                    f"look {look} of {len(self.looks)}, after {n} patients {self.at_stake}, could "
                    f"not certify that at most {self.risk:.4g} of them are decided wrongly, since "
                    f"with its part of delta, {delta:.4g}, that takes {needed} without one wrong: "
                    f"{needed - n} are missing; look later, or promise less"
                )

    @property
    def at_stake(self) -> str:
        """Which patients the promise is about, as words behind `patients`."""
        return f"{'with' if self.decides == 'negative' else 'without'} {self.finding}"

    def find_spending(self) -> tuple[float, ...]:
        """Find the part of `delta` that each look spends; together they are `delta`."""
        if not 0 < self.delta < 1:
            raise InputError(
                f"a promised share of broken promises lies between 0 and 1; got {self.delta:g}"
            )
        return tuple(self.delta * ((b - a) / self.looks[-1]) for a, b in pairwise((0, *self.looks)))


def check_grid(grid: tuple[float, ...]) -> None:
    """Check the thresholds to try.

    Raises:
        InputError: if there are none, or they do not ascend within [0, 1].
    """
    if not grid or not all(0 <= one <= 1 for one in grid) or any(b <= a for a, b in pairwise(grid)):
        ends = f"{len(grid)} from {grid[0]:g} to {grid[-1]:g}" if grid else "none"
        raise InputError(f"thresholds to try ascend within [0, 1]; got {ends}")
