"""The gap between two AUROCs of the same images.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cxrlens.evaluation.auroc import (
    Ranking,
    find_comparable,
    find_places,
    find_spread,
    measure_auroc,
    take,
)
from cxrlens.evaluation.gap import Gap, find_correlation
from cxrlens.evaluation.patients import TOO_FEW, count_deviating


def measure_auroc_gap(first: Ranking, second: Ranking) -> Gap | None:
    """Measure how much better one model ranks the same images than another.

    The variance is Obuchowski's of the differences of the two models' structural components, by
    patient: it knows that both saw the same images. Where every patient has one image and there is
    one fold, it is DeLong's. The models' folds may differ; each is compared within its own.

    Args:
        first: of the model that is asked about.
        second: of the other; same images, truths and patients in the same order.

    Returns:
        The gap; None where one of the models has no fold with a positive and a negative.

    Source:
        Obuchowski, Biometrics 1997;53:567-578 (two tests of the same clusters); DeLong et al.,
        Biometrics 1988;44:837-845.
    """
    rows = find_comparable(first) | find_comparable(second)
    first, second = take(first, rows), take(second, rows)
    figures = measure_auroc(first), measure_auroc(second)
    if figures[0] is None or figures[1] is None:
        return None
    ours, theirs = _break_down(first), _break_down(second)
    spread = find_spread(first, ours.errors - theirs.errors)
    alone = [find_spread(first, one.errors).variance for one in (ours, theirs)]
    moved = ours.places - theirs.places
    sides = (first.is_positive, ~first.is_positive)
    n_moved = min(count_deviating(first.clusters, moved, side) for side in sides)
    return Gap(
        first=figures[0],
        second=figures[1],
        spread=spread,
        correlation=find_correlation(alone[0], alone[1], spread.variance),
        is_lean=n_moved < TOO_FEW,
        method="Obuchowski by patient, of the paired difference",
    )


@dataclass(frozen=True, eq=False)
class _Parts:
    """What each image adds to an AUROC."""

    places: Float64[np.ndarray, " n"]
    """Where it stands among the other side's images of its fold (`find_places`)."""

    errors: Float64[np.ndarray, " n"]
    """Its part in the error: its weight times its place less the AUROC."""


def _break_down(ranking: Ranking) -> _Parts:
    """Places and errors of all images; an image that can be compared with none adds nothing."""
    rows = find_comparable(ranking)
    places, errors = np.full(rows.size, 0.5), np.zeros(rows.size)
    places[rows], weights = find_places(take(ranking, rows))
    value = (weights * places[rows])[ranking.is_positive[rows]].sum()
    errors[rows] = weights * (places[rows] - value)
    return _Parts(places, errors)
