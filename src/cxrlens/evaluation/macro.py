"""A mean over classes becomes an estimate.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.patients import TOO_FEW
from cxrlens.vocabulary import Estimate


@dataclass(frozen=True, eq=False)
class MacroDraws:
    """What is known of a mean over classes."""

    figures: Sequence[Figure]
    """Its classes' figures, one each."""

    draws: Float64[np.ndarray, " b"]
    """The mean in each resample of patients."""

    is_shared: bool
    """Whether one wrong image counts against several classes."""


def estimate_macro(
    value: float, known: MacroDraws, n: int, fewest_patients: int, left_out: Sequence[str]
) -> Estimate:
    """Estimate a mean over classes.

    The interval is the percentile bootstrap over patients. A class with nearly no error, or
    nearly no success, resamples to nearly no spread; where there is such a class the interval
    also holds the one put together from the classes' own intervals, which do not collapse:
    distances of the ends added in squares where the classes rest on different images, and plainly
    where they share images.

    Args:
        value: the mean, in [0, 1].
        known: the classes' figures and the resampled means.
        n: images that the figure rests on.
        fewest_patients: patients of the class that has fewest.
        left_out: names of the classes that are not in the mean, since they have no such figure.

    Returns:
        The estimate; without ends where a class has fewer than `TOO_FEW` patients.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application, 1997, §3.8 (clusters drawn
        whole) and §5.3 (percentiles); Zou and Donner, Stat Med 2008;27:1693-1702 (MOVER).
    """
    if fewest_patients < TOO_FEW or known.draws.size == 0:
        return leave_macro_open(value, n, fewest_patients, left_out)
    low, high = (float(end) for end in np.quantile(known.draws, [0.025, 0.975]))
    method = "percentile bootstrap of patients"
    if any(figure.is_lean for figure in known.figures):
        ends = combine_class_ends(value, known.figures, known.is_shared)
        low, high = min(low, ends[0]), max(high, ends[1])
        method += ", widened to the classes' own intervals: few patients go against the rest"
    return Estimate(value, min(low, value), max(high, value), n, method + name_left_out(left_out))


def leave_macro_open(
    value: float, n: int, fewest_patients: int, left_out: Sequence[str]
) -> Estimate:
    """Give a mean over classes of which one has too few patients for an interval."""
    why = f"no interval: a class has {fewest_patients} patients, fewer than {TOO_FEW}"
    return Estimate(value, None, None, n, why + name_left_out(left_out))


def name_left_out(left_out: Sequence[str]) -> str:
    """Say which classes are not in a mean; nothing where all are."""
    return f"; left out, since it has no value for them: {', '.join(left_out)}" if left_out else ""


def combine_class_ends(
    value: float, figures: Sequence[Figure], is_shared: bool
) -> tuple[float, float]:
    """Find the ends of a mean from the ends of its parts.

    Args:
        value: the mean.
        figures: of the classes, one each.
        is_shared: whether they rest on the same images.

    Returns:
        The lower and the upper end, in [0, 1].
    """
    below = [figure.value - figure.low for figure in figures]
    above = [figure.high - figure.value for figure in figures]
    k = len(figures)
    if is_shared:
        reach = math.fsum(below) / k, math.fsum(above) / k
    else:
        reach = math.hypot(*below) / k, math.hypot(*above) / k
    return max(value - reach[0], 0.0), min(value + reach[1], 1.0)
