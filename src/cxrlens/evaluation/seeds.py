"""Trainings that differ in their seed alone are judged together.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from math import fsum
from typing import Any, TypeVar, cast

import numpy as np
from jaxtyping import Int

from cxrlens.evaluation.records import Evaluation, MapEvaluation, Outcomes, RocCurve
from cxrlens.evaluation.roc import average_curves
from cxrlens.vocabulary import Estimate, TableError

Judgement = TypeVar("Judgement", Evaluation, MapEvaluation)


@dataclass(frozen=True)
class SeedFigures:
    """How one of the trainings did."""

    seed: int
    """Of the training."""

    macro_auroc: Estimate
    """As in `Evaluation`."""

    accuracy: Estimate
    """As in `Evaluation`."""


@dataclass(frozen=True)
class SeedSpread:
    """How far trainings that differ in their seed alone lie apart."""

    by_seed: tuple[SeedFigures, ...]
    """One a training."""

    macro_auroc: tuple[float, float] | None
    """The smallest and the largest; None where it is not defined."""

    accuracy: tuple[float, float] | None
    """The smallest and the largest; None where it is not defined."""


def measure_spread(seeds: Sequence[int], evaluations: Sequence[Evaluation]) -> SeedSpread:
    """Measure how far the figures of trainings with several seeds lie apart.

    Args:
        seeds: one a training.
        evaluations: of each, on the same images.
    """
    by_seed = tuple(
        SeedFigures(seed, one.macro_auroc, one.accuracy)
        for seed, one in zip(seeds, evaluations, strict=True)
    )
    return SeedSpread(
        by_seed,
        _find_ends([one.macro_auroc for one in by_seed]),
        _find_ends([one.accuracy for one in by_seed]),
    )


def average_judgements(judgements: Sequence[Judgement]) -> Judgement:
    """Average the judgements of several models on the same images.

    Every figure is the mean of the models' own, and so are the ends of its interval. Scores of
    different models are never compared, and no image counts more than once: models that agree in
    everything have the interval of one of them. Where they differ the mean is better known than
    any one of them, but never worse (the spread of a mean is at most the mean of the spreads,
    whatever the models share), so that the interval errs on the wide side. It is for other
    patients, with these models: how far models lie apart is told by `measure_spread`.

    Args:
        judgements: one a model; their counts of images are the same.

    Returns:
        The mean. Counts of decisions are means too, rounded so that every row keeps its sum; a
        figure that has no interval for one model has none.

    Raises:
        TableError: if the judgements are of different images.

    Source:
        Minkowski's inequality for the standard deviation of a sum.
    """
    return cast(Judgement, _average(list(judgements)))


def _average(values: list[Any]) -> object:
    first = values[0]
    for kind, average in _AVERAGES.items():
        if isinstance(first, kind):
            return average(values)
    if isinstance(first, tuple):
        return tuple(_average(list(each)) for each in zip(*values, strict=True))
    if is_dataclass(first) and not isinstance(first, type):
        names = [one.name for one in fields(first)]
        return replace(
            first, **{name: _average([getattr(value, name) for value in values]) for name in names}
        )
    if any(value != first for value in values):
        raise TableError(
            f"judgements can be averaged where they are of the same images; got {values}"
        )
    return first


def _average_estimates(estimates: list[Estimate]) -> Estimate:
    for one in estimates:
        if one.value is None:
            return one
    value = _mean([one.value for one in estimates if one.value is not None])
    n = round(sum(one.n for one in estimates) / len(estimates))
    lows = [one.low for one in estimates if one.low is not None]
    highs = [one.high for one in estimates if one.high is not None]
    if len(lows) < len(estimates) or len(highs) < len(estimates):
        method = next(one.method for one in estimates if one.low is None or one.high is None)
        return Estimate(value, None, None, n, method)
    method = max((one.method for one in estimates), key=len)  # one that was widened says more
    method = f"mean of {len(estimates)} seeds, each by {method}"
    # The mean of equal numbers may differ from them by rounding, and must not leave the interval.
    low, high = min(_mean(lows), value), max(_mean(highs), value)
    return Estimate(value, low, high, n, method)


def _average_curves(curves: list[RocCurve]) -> RocCurve:
    pairs = [(one.false_positive_rate, one.true_positive_rate) for one in curves]
    weights = np.full(len(curves), 1 / len(curves))
    return RocCurve(curves[0].class_name, *average_curves(pairs, weights))


def _average_outcomes(outcomes: list[Outcomes]) -> Outcomes:
    sides = np.array(
        [
            [
                [one.true_positives, one.false_negatives],
                [one.false_positives, one.true_negatives],
            ]
            for one in outcomes
        ]
    )
    (found, missed), (alarms, left) = _average_counts(list(sides)).tolist()
    return Outcomes(found, missed, alarms, left)


def _average_counts(counts: list[Int[np.ndarray, "r c"]]) -> Int[np.ndarray, "r c"]:
    """Average rows of counts and round them by largest remainders, so that each keeps its sum."""
    sums = np.stack(counts).sum(axis=2)
    if (sums != sums[0]).any():
        raise TableError(
            "judgements can be averaged where they are of the same images; got rows of "
            f"{sums.tolist()}"
        )
    n = len(counts)
    whole, rest = np.divmod(np.sum(counts, axis=0), n)
    for row in range(len(whole)):
        missing = int(sums[0, row] - whole[row].sum())
        whole[row, np.argsort(-rest[row], kind="stable")[:missing]] += 1
    rounded: np.ndarray = whole
    return rounded


_AVERAGES: dict[type, Callable[[list[Any]], Any]] = {
    Estimate: _average_estimates,
    RocCurve: _average_curves,
    Outcomes: _average_outcomes,
    np.ndarray: _average_counts,
}


def _find_ends(estimates: Sequence[Estimate]) -> tuple[float, float] | None:
    values = [one.value for one in estimates if one.value is not None]
    return (min(values), max(values)) if len(values) == len(estimates) else None


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
