"""Where two models, or a reader and a model, decide differently, and whether that is chance.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.patients import Totals, sum_by_patient
from cxrlens.vocabulary import ClassIndices, Flags

MCNEMAR = "McNemar, exact"
"""Each patient has one image."""

FLIPS = "exchange of the two's answers by patient, exact"
"""Some patient has several images."""


@dataclass(frozen=True)
class Discordance:
    """How often one model is right where the other is wrong, and the test of it."""

    only_first: int
    """Images that the first model alone has right."""

    only_second: int
    """Images that the second model alone has right."""

    both: int
    """Images that both have right."""

    neither: int
    """Images that both have wrong."""

    n_moved: int
    """Patients on whose images the two are not right equally often: what the test rests on."""

    p_value: float
    """Two-sided, exact, of no difference, in (0, 1]."""

    method: str
    """`MCNEMAR` or `FLIPS`."""


def measure_discordance(first: Flags, second: Flags, clusters: ClassIndices) -> Discordance:
    """Count where two models differ, and test whether either is right more often.

    Were the models alike, their answers could be exchanged for any patient, all images of the
    patient together, as likely as not. The test asks how often such exchanges would bring the
    numbers of right answers at least as far apart as they are: over all exchanges, exactly.
    Where each patient has one image this is McNemar's exact test.

    Args:
        first: whether the model that is asked about is right, one an image.
        second: whether the other is.
        clusters: a number for each image's patient.

    Returns:
        The counts and the test.

    Source:
        McNemar, Psychometrika 1947;12:153-157; the exchange of whole units: Fisher, The Design of
        Experiments, 1935, §21; Lehmann and Romano, Testing Statistical Hypotheses, 3rd ed. 2005,
        §15.2.

    Example:
        >>> import numpy as np
        >>> first, second = np.arange(20) >= 5, np.arange(20) < 5
        >>> print(f"{measure_discordance(first, second, np.arange(20)).p_value:.5f}")
        0.04139
    """
    moved = sum_by_patient(first.astype(np.float64) - second, clusters)
    return Discordance(
        only_first=int((first & ~second).sum()),
        only_second=int((second & ~first).sum()),
        both=int((first & second).sum()),
        neither=int((~first & ~second).sum()),
        n_moved=int((moved != 0).sum()),
        p_value=_find_p(moved),
        method=MCNEMAR if moved.size == clusters.size else FLIPS,
    )


def _find_p(moved: Totals) -> float:
    """The chance that signs thrown for each patient give a sum as far from 0 as the one seen.

    Patients who move the sum equally far are thrown together, so the distribution is a convolution
    of as many binomial ones as there are distances, and never enumerated.
    """
    from scipy.stats import binom  # noqa: PLC0415 (slow)

    seen = abs(int(moved.sum()))
    if seen == 0:
        return 1.0
    steps, counts = np.unique(np.abs(moved[moved != 0]).astype(np.int64), return_counts=True)
    chances = np.ones(1)
    for step, count in zip(steps.tolist(), counts.tolist(), strict=True):
        thrown = np.zeros(2 * step * count + 1)
        thrown[:: 2 * step] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, thrown)
    middle = chances.size // 2
    return min(2 * float(chances[middle + seen :].sum()), 1.0)
