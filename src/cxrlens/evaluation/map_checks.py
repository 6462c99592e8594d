"""What the maps of a method are worth where nobody has drawn the finding.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrlens.evaluation.map_scores import MapScore
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.records import Difference
from cxrlens.evaluation.share_gap import measure_mean_gap
from cxrlens.vocabulary import ClassIndices, Estimate, Scores


@dataclass(frozen=True)
class LungReport:
    """How much of the heat of a method's maps lies in the lungs."""

    method: str
    """As in `--method`."""

    n_images: int
    """Images with lungs, whatever their class; each with the map of its true class."""

    n_patients: int
    """Their patients."""

    heat_inside: Estimate
    """Share of the positive heat that lies in the lungs."""

    peak_inside: Estimate
    """Share of the images whose strongest point lies in the lungs."""

    lung_share: Estimate
    """Share of the image that the lungs cover: what heat that lies everywhere would reach."""

    above_centre: Difference
    """`heat_inside` less that of the baseline `centre`, paired by patient."""


@dataclass(frozen=True)
class RandomisedMaps:
    """A method's maps of a network whose weights were shuffled in part."""

    share: float
    """Of the layers below the head that were shuffled with it, in [0, 1]."""

    correlation: Estimate
    """Rank correlation with the maps of the network as it was trained, in [-1, 1]."""

    hit_rate: Estimate | None
    """Of the images with a mask; None where there is none."""


@dataclass(frozen=True)
class MethodCheck:
    """What a method's maps have to do with the network, on a few images."""

    method: str
    """As in `--method`."""

    n_images: int
    """Images looked at, each with the map of its true class."""

    n_patients: int
    """Their patients."""

    milliseconds: float
    """Time for one image, on the machine that made the card."""

    deletion: Estimate
    """Mean probability of the class while its hottest pixels go first: low is good."""

    insertion: Estimate
    """Mean probability of the class while its hottest pixels come first: high is good."""

    deletion_gap: Difference
    """`deletion` less that of the baseline `random`: below 0 where the map names what matters."""

    insertion_gap: Difference
    """`insertion` less that of the baseline `random`: above 0 where the map names what matters."""

    randomised: tuple[RandomisedMaps, ...]
    """From the head down to the first layer; empty for baselines. A map that stays as it was does
    not depend on what the network learnt."""

    seeds: Estimate | None
    """Rank correlation with the maps of networks trained with other seeds, in [-1, 1]; None where
    there is no other."""

    reruns: Estimate | None
    """Rank correlation of two runs of the method with other seeds; None where no chance is in
    it."""


def judge_lungs(
    method: str, scores: Sequence[MapScore], centre: Sequence[MapScore], clusters: ClassIndices
) -> LungReport:
    """Judge how much of the heat lies in the lungs.

    Args:
        method: its name.
        scores: of its maps against masks of the lungs, one an image.
        centre: of the baseline's maps of the same images.
        clusters: a number for each image's patient.
    """
    heat, other = (np.array([one.heat_inside for one in its]) for its in (scores, centre))
    peaks = np.array([one.hit for one in scores])
    return LungReport(
        method=method,
        n_images=len(scores),
        n_patients=count_patients(clusters),
        heat_inside=measure_mean(heat, clusters).to_estimate(),
        peak_inside=measure_proportion(peaks, clusters).to_estimate(),
        lung_share=measure_mean(
            np.array([one.mask_share for one in scores]), clusters
        ).to_estimate(),
        above_centre=measure_mean_gap(heat, other, clusters).to_difference(),
    )


def measure_correlation(values: Scores, clusters: ClassIndices) -> Estimate:
    """Measure a mean of correlations, with an interval that knows about patients.

    Args:
        values: one an image, in [-1, 1].
        clusters: a number for each image's patient.

    Returns:
        The mean, by `measure_mean` of the values moved into [0, 1].
    """
    found = measure_mean(np.clip((values + 1) / 2, 0, 1), clusters).to_estimate()
    if found.value is None:
        return found
    low, high = (None if end is None else 2 * end - 1 for end in (found.low, found.high))
    return replace(found, value=2 * found.value - 1, low=low, high=high)
