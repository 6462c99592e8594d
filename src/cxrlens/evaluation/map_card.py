"""Everything that the report card of a model's maps holds.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cxrlens.evaluation.map_checks import LungReport, MethodCheck
from cxrlens.evaluation.method_report import MethodReport
from cxrlens.vocabulary import Grid, PredictionTable


@dataclass(frozen=True, eq=False)
class MapCard:
    """What the maps of a model, or of the models of several folds, are worth."""

    methods: tuple[MethodReport, ...]
    """Where it is known where the finding lies; empty where that is nowhere known."""

    lungs: tuple[LungReport, ...]
    """How much of the heat lies in the lungs."""

    has_true_lungs: bool
    """Whether somebody drew those lungs; else they are our lung field."""

    checks: tuple[MethodCheck, ...]
    """What the maps have to do with the network."""

    mean_masks: Mapping[str, Grid]
    """Of each class, the mean of all masks on the network's input, in [0, 1]: for use on other
    images."""

    answers: PredictionTable
    """What the models answered for the images that were scored against findings (where there are
    none, against lungs); their folds are the models."""

    n_seen: int
    """Images left out since every model was trained on them."""

    is_phantom: bool
    """Whether drawn images are among them."""

    words: Mapping[str, str]
    """What each method shows, in half a sentence."""

    notes: tuple[str, ...]
    """What a reader of the figures must know, one sentence each."""
