"""Cases that a reader sees by lot: whether what the machine decides alone keeps its promise.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, rel_entr

from cxrlens.evaluation.figure import leave_undefined
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import Estimate, Flags, InputError

MOST_EVIDENCE = 1e300
"""Beyond it evidence is not told apart, so that it stays a number also where it is written down."""


@dataclass(frozen=True)
class SpotCheckStanding:
    """What the spot checks so far say of a promise."""

    risk: float
    """The largest share of patients at stake that may be decided wrongly, in (0, 1)."""

    delta: float
    """How often a promise that is kept may be called broken, however often one looks."""

    n: int
    """Drawn patients at stake that a reader has read."""

    n_wrong: int
    """Of them decided wrongly by the machine."""

    rate: Estimate
    """Their share, Wilson's interval; it is for one look, and decides nothing."""

    e_value: float
    """Evidence after the last of them that the promise is broken: the stake of 1 that a bettor
    against the promise would have turned into this much; above 0, and at most `MOST_EVIDENCE`."""

    broken_at: int | None
    """The case, from 1, at which the evidence first reached 1 / `delta`; None if it never did."""

    @property
    def is_broken(self) -> bool:
        """Whether the promise counts as broken: once it does, later right cases mend nothing."""
        return self.broken_at is not None

    def __str__(self) -> str:
        """The standing as people read it."""
        promised = f"the promise of at most {100 * self.risk:g} %"
        if self.n == 0:
            return f"no drawn patient at stake was read yet: nothing is known of {promised}"
        seen = (
            f"{self.n_wrong} of {self.n} drawn patients at stake were decided wrongly: {self.rate}"
        )
        if self.broken_at is not None:
            return (
                f"{seen}; {promised} is broken, as case {self.broken_at} of them showed (a promise "
                f"that is kept is called broken in at most {100 * self.delta:g} % of its lives)"
            )
        return (
            f"{seen}; {promised} is not shown to be broken (evidence {self.e_value:.2g}, and "
            f"{1 / self.delta:.3g} would show it), which does not show that it is kept"
        )


def judge_spot_checks(is_wrong: Flags, risk: float, delta: float) -> SpotCheckStanding:
    """Judge by cases drawn by lot whether a promise is broken; look as often as you like.

    A share of all cases is drawn before the machine decides, and read whatever it decides. Hand in
    those whose patient is at stake: of a machine that decides negative, those in whom the reader
    finds the finding. A case that was referred is among them, and was not decided wrongly. If each
    is wrong with a probability of at most `risk`, given all before it, the probability that this
    ever calls the promise broken is at most `delta`, after whichever readings one looks.

    The evidence is the mean likelihood ratio of all p above the risk against the risk itself. Each
    of these ratios is, on average, no larger after a case than before it wherever the true share is
    at most the risk, and so is their mean: an e-process, of which Ville's inequality says how
    seldom it reaches 1 / delta. The p are weighed by (1 - p)^(b - 1) with b = 1 / (5 risk),
    rounded, at least 1: most of the weight lies within some ten times the risk. With n cases of
    which k are wrong the mean is a finite sum of positive numbers,

        Σ_{i=0..k} b / (n - k + b) Π_{l<i} (k - l) (1 - risk) / ((n - k + b + 1 + l) risk).

    What went well counts: a machine that has long been much better than promised, and then is
    worse, is found later than one that is worse from the start.

    Args:
        is_wrong: whether the machine decided wrongly, one drawn patient at stake, in the order of
            reading. A patient counts once, by the image that was read first: two images of one
            patient fail together, and are no two cases, and one that is read later must not
            change what was looked at before.
        risk: the share promised, in (0, 1), as in the certificate.
        delta: how often a kept promise may be called broken, in (0, 1).

    Returns:
        The standing after the last case.

    Raises:
        InputError: if a number is out of its range.

    Source:
        Ville, Étude critique de la notion de collectif, 1939; mixtures: Robbins, Ann Math Stat
        1970;41:1397-1409; Ramdas, Grünwald, Vovk and Shafer, Stat Sci 2023;38:576-601.

    Example:
        >>> import numpy as np
        >>> is_wrong = np.zeros(60, dtype=bool)
        >>> is_wrong[[9, 20, 25, 40, 41, 50, 51, 55, 56]] = True
        >>> told = judge_spot_checks(is_wrong, 0.05, 0.05)
        >>> told.n_wrong, told.broken_at, round(told.e_value, 1)
        (9, 57, 22.7)
    """
    for name, value in (("miss rate", risk), ("share of false alarms", delta)):
        if not 0 < value < 1:
            raise InputError(f"a promised {name} lies between 0 and 1; got {value:g}")
    n, n_wrong = is_wrong.size, int(is_wrong.sum())
    if n == 0:
        rate = leave_undefined("no drawn patient at stake was read")
    else:
        rate = measure_proportion(is_wrong, np.arange(n)).to_estimate()
    last = _find_log_evidence(n, n_wrong, risk)
    return SpotCheckStanding(
        risk=risk,
        delta=delta,
        n=n,
        n_wrong=n_wrong,
        rate=rate,
        e_value=math.exp(last) if last < math.log(MOST_EVIDENCE) else MOST_EVIDENCE,
        broken_at=_find_broken(is_wrong, risk, delta),
    )


def _find_broken(is_wrong: Flags, risk: float, delta: float) -> int | None:
    """The first case at which the evidence is enough: it rises with wrong cases only."""
    needed = -math.log(delta)
    rows = np.flatnonzero(is_wrong)
    n, k = rows + 1, np.arange(1, rows.size + 1)
    largest = rel_entr(k, n * risk) + rel_entr(n - k, n * (1 - risk))  # ratio: no mean is above it
    for i in np.flatnonzero((k > n * risk) & (largest >= needed)).tolist():
        if _find_log_evidence(int(n[i]), int(k[i]), risk) >= needed:
            return int(n[i])
    return None


def _find_log_evidence(n: int, n_wrong: int, risk: float) -> float:
    """The logarithm of the mean likelihood ratio.

    From the incomplete beta function, which for a whole number of wrong cases is a finite sum.
    """
    weight = max(round(1 / (5 * risk)), 1)
    n_right = n - n_wrong
    i = np.arange(n_wrong + 1)
    terms = (
        gammaln(n_wrong + 1)
        - gammaln(n_wrong + 1 - i)
        + gammaln(n_right + weight + 1)
        - gammaln(n_right + weight + 1 + i)
        + i * (math.log1p(-risk) - math.log(risk))
    )
    largest = float(terms.max())
    total = float(np.exp(terms - largest).sum())
    return largest + math.log(total) + math.log(weight / (n_right + weight))
