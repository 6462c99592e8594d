"""Scores, brightness and features of new cases against a reference, look by look.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrlens.evaluation.drift_alarm import DriftAlarm
from cxrlens.evaluation.drift_look import DriftColumn, DriftLook
from cxrlens.evaluation.drift_plan import DriftPlan
from cxrlens.evaluation.feature_directions import fit_directions
from cxrlens.evaluation.psi import find_edges
from cxrlens.vocabulary import InputError

FEWEST_REFERENCE = 100
"""Cases of the reference that are asked for."""

_FITTED = 5
"""Every so-manyth case of the reference sets edges and directions, and is compared with nothing."""

Track = Float[np.ndarray, "..."]
"""n numbers, one a case, or n x d: d features a case."""


@dataclass(frozen=True)
class DriftReport:
    """What the charts showed, up to the first look with an alarm."""

    plan: DriftPlan
    """How was watched."""

    looks: tuple[DriftLook, ...]
    """In order, each look chart by chart."""

    alarms: tuple[DriftAlarm, ...]
    """Of the first look that had any; empty where none had."""

    n_watched: int
    """Cases that were looked at."""

    n_waiting: int
    """Cases after them, which no look has seen: after an alarm, in a window that is not full yet,
    or because the plan is spent."""

    is_spent: bool
    """Whether all looks of the plan are behind: from then on nobody watches."""


def watch_drift(
    reference: Mapping[str, Track], watched: Mapping[str, Track], plan: DriftPlan
) -> DriftReport:
    """Watch charts for a change against a reference.

    Every window of new cases is compared with the reference by the population stability index
    (permutation test) and by Kolmogorov and Smirnov's test. If cases are exchangeable with the
    reference, any alarm in all looks has a probability of at most `plan.false_alarm`. Hand in one
    case a patient: images of one patient are alike, and would look like a change. Call it again
    with more cases: the looks that were made before come out the same.

    Args:
        reference: charts by name, such as `scores` and `brightness` (n numbers each) and
            `features` (n x d, charted along the directions in which they vary most); all of the
            same n cases, in no order that means anything. A fifth of them sets bins and directions.
        watched: the same charts of new cases, in the order of arrival.
        plan: declared before the first new case.

    Returns:
        The looks and the alarms.

    Raises:
        InputError: if the charts differ in name, length or width, a value is no number, or the
            reference is too small.

    Source:
        Rabanser, Günnemann and Lipton, NeurIPS 2019 (tests on one number at a time with Bonferroni
        find shifts as well as tests of many dimensions do).
    """
    _check(reference, watched)
    columns = [one for name in reference for one in _chart(name, reference[name], watched[name])]
    n = len(next(iter(watched.values())))
    n_due = min(n // plan.window, plan.looks)
    limit = plan.find_limit(len(columns))
    looks: list[DriftLook] = []
    alarms: tuple[DriftAlarm, ...] = ()
    number = 0
    while number < n_due and not alarms:
        number += 1
        new = [
            column.look(number, plan.window, limit, np.random.default_rng([plan.seed, number, at]))
            for at, column in enumerate(columns)
        ]
        looks += new
        alarms = tuple(one.tell_alarm() for one in new if one.is_alarm)
    done = number * plan.window
    return DriftReport(plan, tuple(looks), alarms, done, n - done, number == plan.looks)


def _chart(name: str, reference: Track, watched: Track) -> Iterator[DriftColumn]:
    """The charted numbers of one track."""
    is_fitted = np.arange(len(reference)) % _FITTED == 0
    names, ours, theirs = [name], reference[:, None], watched[:, None]
    if reference.ndim == 2:
        directions = fit_directions(reference[is_fitted])
        ours, theirs = directions.project(reference), directions.project(watched)
        names = [f"{name}, direction {i + 1}" for i in range(ours.shape[1] - 1)]
        names.append(f"{name}, rest")
    for at, told in enumerate(names):
        edges = find_edges(ours[is_fitted, at])
        yield DriftColumn(told, edges, ours[~is_fitted, at], theirs[:, at])


def _check(reference: Mapping[str, Track], watched: Mapping[str, Track]) -> None:
    if not reference or set(reference) != set(watched):
        raise InputError(
            f"the reference has the charts {sorted(reference)} and the new cases "
            f"{sorted(watched)}; give both the same, and at least one"
        )
    for words, tracks in (("reference", reference), ("new cases", watched)):
        lengths = {name: len(one) for name, one in tracks.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"charts of the {words} are of the same cases; got {lengths} of them")
        for name, one in tracks.items():
            if one.ndim > 2 or one.shape[1:] != reference[name].shape[1:]:
                raise InputError(
                    f"chart {name!r} needs a number a case, or as many features in the reference "
                    f"as in new cases; got {reference[name].shape} and {watched[name].shape}"
                )
            if not np.isfinite(one).all():
                bad = int((~np.isfinite(one)).reshape(len(one), -1).any(axis=1).argmax())
                raise InputError(
                    f"case {bad} (from 0) of the {words} has no number for {name!r}; leave it out "
                    "of all charts"
                )
    n = len(next(iter(reference.values())))
    if n < FEWEST_REFERENCE:
        raise InputError(
            f"a reference of {n} cases is too small to see a change against: "
            f"{FEWEST_REFERENCE - n} are missing of {FEWEST_REFERENCE}; watch later"
        )
