"""What a report is made of.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float32

from cxrlens.evaluation import (
    CalibrationReport,
    Control,
    Evaluation,
    MapEvaluation,
    OperatingReport,
    PrevalenceReport,
    SeedSpread,
    Subgroups,
)
from cxrlens.vocabulary import (
    Epoch,
    GreyImage,
    PixelMask,
    Plain,
    Prediction,
    Provenance,
    Refusal,
    StageSize,
)

SeenImage = Float32[np.ndarray, "rows cols"]
"""Pixels in [0, 1] at the network's size, which is not the source's."""


@dataclass(frozen=True, eq=False)
class Case:
    """One image with what was said about it and, where known, what is true."""

    name: str
    """The file, as it was named by the user."""

    pixels: GreyImage
    """The source image, height x width in [0, 1]."""

    truth: str | None
    """The true class; of several labels an image, those that are there, in words. None where it
    is not known."""

    prediction: Prediction
    """What the machine says; its maps lie on `pixels`."""

    mask: PixelMask | None = None
    """The true lesion on the source pixels; None where it is not known or there is none."""

    labels: Mapping[str, int | None] | None = None
    """Of several labels an image, what is known of each class: 1 there, 0 not there, -1
    uncertain, None missing. None where an image has one class."""

    origin: Mapping[str, str] = field(default_factory=dict)
    """What else is known of the image, such as its source, view, and the patient's sex and age."""

    @property
    def is_right(self) -> bool | None:
        """Whether the decision is the truth; None where there is no decision or no truth.

        Of several labels an image: whether no label that is known says otherwise.
        """
        if self.truth is None or self.prediction.refusal is not None:
            return None
        if self.labels is not None:
            return not self.wrong
        return None if self.prediction.decision is None else self.truth == self.prediction.decision

    @property
    def truths(self) -> tuple[str, ...]:
        """The classes that are known to be there, in the order of the answer's classes."""
        if self.labels is None:
            return () if self.truth is None else (self.truth,)
        return tuple(name for name in self.prediction.classes if self.labels.get(name) == 1)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Of several labels an image, the classes decided wrongly, the surest mistake first."""
        if self.labels is None:
            return ()
        prediction = self.prediction
        missed_by = {
            name: abs(probability - (self.labels.get(name) or 0))
            for name, probability in zip(prediction.classes, prediction.probabilities, strict=False)
            if self.labels.get(name) == (0 if name in prediction.decisions else 1)
        }
        return tuple(sorted(missed_by, key=lambda name: -missed_by[name]))


@dataclass(frozen=True)
class WarningCount:
    """How many images were used with one kind of reservation."""

    reason: str
    """As in `ImageWarning`."""

    n_images: int
    """Images that have it."""

    example: str
    """What it says about the first of them."""


@dataclass(frozen=True)
class Measure:
    """One figure that must stay within a bound, such as a phantom's lesion area."""

    name: str
    """What was measured."""

    value: str
    """As people read it, with its unit."""

    bound: str
    """What it must stay within, as people read it."""

    is_met: bool
    """Whether it does."""


@dataclass(frozen=True)
class FlowStep:
    """One box of the way from files found to images used."""

    step: str
    """What happened to the images."""

    images: int
    """How many."""

    role: Literal["all", "left out", "used"]
    """Whether all images that were there, some that went no further, or those of one use."""

    patients: int | None = None
    """Their patients; None where a patient is unknown."""


@dataclass(frozen=True)
class Part:
    """Who is in one part of the data."""

    name: str
    """What the part was used for."""

    images: int
    """How many."""

    patients: int | None
    """How many; None where a patient is unknown."""

    counts: Mapping[str, Mapping[str, int]]
    """Images by value, for `class` and for every column that says something of the patients, such
    as `sex`."""


@dataclass(frozen=True)
class History:
    """How one training went."""

    fold: int
    """The cross-validation fold, from 0."""

    epochs: tuple[Epoch, ...]
    """In order."""

    seed: int | None = None
    """Of this training; None where there was one seed."""


@dataclass(frozen=True)
class Digests:
    """What the figures were measured on, by content."""

    bundle: str
    """Of the model."""

    split: str
    """Of the assignment of images to train, validation and test."""

    data: str
    """Of the table of images and labels."""


@dataclass(frozen=True, eq=False)
class Report:
    """All that stands on one report page and in its metrics file."""

    title: str
    """The page's heading."""

    command: str
    """What was run to get it."""

    is_phantom: bool
    """Whether the images are drawn, not taken from patients."""

    evaluation: Evaluation
    """How well the classes are told apart."""

    recipe: Plain
    """The training, resolved."""

    digests: Digests
    """Of model, split and data."""

    provenance: Provenance
    """What made the report, and when."""

    maps: MapEvaluation | None = None
    """Whether the maps point at the lesion; None without masks."""

    calibration: CalibrationReport | None = None
    """Whether the probabilities may be taken at their word; None where it was not looked at."""

    operating: tuple[OperatingReport, ...] = ()
    """What the decision came to, and thresholds by other rules."""

    prevalence: tuple[PrevalenceReport, ...] = ()
    """The same where the classes are as common as was asked for."""

    controls: tuple[Control, ...] = ()
    """What tells the classes apart without looking at the image's content."""

    difficulty: tuple[Measure, ...] = ()
    """How hard the phantoms are; empty for real images."""

    flow: tuple[FlowStep, ...] = ()
    """From files found to images used, in order."""

    parts: tuple[Part, ...] = ()
    """Who is in each part of the data."""

    subgroups: tuple[Subgroups, ...] = ()
    """How well it does in groups of the images, one a column."""

    model: Plain = None
    """What the bundle says of network, first weights, preprocessing and data."""

    shows_images: bool = True
    """Whether pictures of the cases may stand on the page; their names do in any case."""

    histories: tuple[History, ...] = ()
    """One a seed and fold."""

    seeds: SeedSpread | None = None
    """How far trainings with several seeds lie apart; every figure is then their mean."""

    stages: tuple[StageSize, ...] = ()
    """What each stage of the training moved; empty where there was none."""

    notes: tuple[str, ...] = ()
    """What a reader must know besides, one sentence each."""

    cases: tuple[Case, ...] = field(default=(), repr=False)
    """A sample of predictions."""

    mistakes: tuple[Case, ...] = field(default=(), repr=False)
    """The worst mistakes, worst first."""

    refusals: tuple[Refusal, ...] = ()
    """Files that were not used."""

    warnings: tuple[WarningCount, ...] = ()
    """Reservations about images that were used, the most frequent first."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image of a data set, raw and as the network gets it."""

    label: str
    """What stands above it."""

    raw: GreyImage
    """The source image, height x width in [0, 1]."""

    seen: SeenImage
    """After preprocessing, height x width of the network's input, in [0, 1]."""
