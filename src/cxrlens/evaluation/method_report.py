"""What the report card of the maps says of one method and class.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Literal

from cxrlens.evaluation.records import Difference
from cxrlens.vocabulary import Estimate

Verdict = Literal["yes", "no", "cannot tell"]
"""Whether a map is better than one that is the same for every image."""


@dataclass(frozen=True)
class BaselineGap:
    """By how much a method is above a baseline on the same images."""

    baseline: str
    """Its name."""

    difference: Difference
    """The method's figure less the baseline's, paired by patient."""


@dataclass(frozen=True)
class MapFigure:
    """One figure of a method, beside the baselines."""

    name: str
    """One of `MAP_FIGURES`."""

    estimate: Estimate
    """In [0, 1], with an interval that knows about patients."""

    gaps: tuple[BaselineGap, ...]
    """Against each baseline; empty for a baseline."""


@dataclass(frozen=True)
class MethodReport:
    """How well the maps of one method show one class, on images where it is known where it is."""

    method: str
    """As in `--method`."""

    class_name: str
    """The class whose maps were asked for."""

    n_images: int
    """Images with this class and a mask or a box: found by the model or missed."""

    n_patients: int
    """Their patients."""

    figures: tuple[MapFigure, ...]
    """In the order of `MAP_FIGURES`."""

    share: float
    """The share of the maximum at which the maps cover the masks best, chosen on all images: for
    use on others. The figure is cross-fitted."""

    n_empty: int
    """Maps that say nothing (`MapScore.is_empty`). They count as misses."""

    points_better: Verdict
    """Whether its strongest point hits more often than that of every constant map."""

    covers_better: Verdict
    """Whether it ranks the pixels of the finding higher than every constant map does."""


MAP_FIGURES = (
    "hit rate",
    "pointing game",
    "IoU at half maximum",
    "IoU at tuned threshold",
    "pixel average precision",
    "heat inside",
)
"""Every figure of a method, in the order of tables."""
