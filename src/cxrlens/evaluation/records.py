"""The judgements that evaluation hands out.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cxrlens.vocabulary import Estimate

Curve = Float[np.ndarray, " steps"]
"""One axis of a curve."""

Counts = Int[np.ndarray, "k k"]
"""Rows are the truth, columns the decision."""


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Sensitivity against 1 − specificity of one class against all others."""

    class_name: str
    """The class taken as positive."""

    false_positive_rate: Curve
    """1 − specificity, ascending from 0 to 1."""

    true_positive_rate: Curve
    """Sensitivity at each false positive rate."""


@dataclass(frozen=True)
class ClassReport:
    """How well one class is told from all others."""

    class_name: str
    """The class taken as positive."""

    n_images: int
    """Images whose truth is this class."""

    n_patients: int
    """Patients with at least one such image; an unknown patient counts as one each."""

    precision: Estimate
    """Share of decisions for this class that are right (PPV)."""

    recall: Estimate
    """Share of this class that is found (sensitivity)."""

    f1: Estimate
    """Harmonic mean of precision and recall."""

    auroc: Estimate
    """Area under the ROC curve, this class against all others."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a model tells the classes apart on one set of images."""

    classes: tuple[str, ...]
    """In the order of the confusion matrix."""

    n_images: int
    """Images with a known truth: the ones that every figure rests on."""

    n_patients: int
    """Their patients; an unknown patient counts as one each."""

    n_unknown_patients: int
    """Images among them whose patient is unknown."""

    n_unlabelled: int
    """Images left out since their truth is missing."""

    n_folds: int
    """Cross-validation folds that were pooled; 1 where there was one model."""

    accuracy: Estimate
    """Share of right decisions."""

    macro_precision: Estimate
    """Mean over classes."""

    macro_recall: Estimate
    """Mean over classes (balanced accuracy)."""

    macro_f1: Estimate
    """Mean over classes."""

    macro_auroc: Estimate
    """Mean over classes, each against all others; for two classes that of the second class."""

    per_class: tuple[ClassReport, ...]
    """One a class."""

    confusion: Counts
    """Counts: rows are the truth, columns the decision."""

    roc: tuple[RocCurve, ...]
    """One a class that has positives and negatives."""


@dataclass(frozen=True)
class ClassMapReport:
    """Whether the maps of one class point at the thing, over all positives that have a mask."""

    class_name: str
    """The class."""

    n_images: int
    """Positive images with a mask: all of them, also those that the model missed."""

    hit_rate: Estimate
    """Share whose strongest point lies inside the mask."""

    pointing_game: Estimate
    """Share whose strongest point lies inside the mask or within 15 px of it at 224 px."""

    heat_inside: Estimate
    """Mean share of the positive heat that lies inside the mask."""

    iou: Estimate
    """Mean intersection over union of the mask and the map at half its maximum."""

    mask_share: Estimate
    """Mean share of the image that the mask covers: what heat spread evenly would reach."""


@dataclass(frozen=True)
class MapEvaluation:
    """Whether the maps of a method point at the thing."""

    method: str
    """How the maps were made, such as `cam`."""

    per_class: tuple[ClassMapReport, ...]
    """One a class that has masks."""


@dataclass(frozen=True)
class Control:
    """How well something that is not the image's content tells the classes apart."""

    name: str
    """What was looked at, such as `file bytes`."""

    auroc: Estimate
    """Macro AUROC of it alone, in whichever direction separates better (so never below 0.5)."""
