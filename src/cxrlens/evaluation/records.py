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
class Outcomes:
    """Images by whether they have a class and whether it was decided for."""

    true_positives: int
    """Have it, decided for."""

    false_negatives: int
    """Have it, missed."""

    false_positives: int
    """Do not have it, decided for: false alarms."""

    true_negatives: int
    """Do not have it, not decided for."""


@dataclass(frozen=True)
class ClassReport:
    """How well images with one class are told from those without it."""

    class_name: str
    """The class taken as positive."""

    n_images: int
    """Images that have this class."""

    n_patients: int
    """Patients with at least one such image; an unknown patient counts as one each."""

    precision: Estimate
    """Share of decisions for this class that are right (PPV)."""

    recall: Estimate
    """Share of this class that is found (sensitivity)."""

    specificity: Estimate
    """Share of the images without this class that are not decided for it."""

    f1: Estimate
    """Harmonic mean of precision and recall."""

    auroc: Estimate
    """Area under the ROC curve, images with this class against those without it."""

    npv: Estimate
    """Share of the images not decided for that do not have this class (negative predictive
    value)."""

    balanced_accuracy: Estimate
    """Mean of sensitivity and specificity; guessing reaches 0.5."""

    average_precision: Estimate
    """Precision at the score of each image with this class, averaged (the area under the
    precision-recall curve, in steps); guessing reaches the share of images with this class."""

    brier: Estimate
    """Mean squared distance between the probability and the truth, in [0, 1]; 0 is perfect."""

    calibration_error: Estimate
    """Expected calibration error, as seen: the mean distance between probabilities and the shares
    that came true; its interval is for the true one. Chance makes it too large."""

    calibration_error_debiased: Estimate
    """The same without what chance adds."""

    outcomes: Outcomes
    """Counts of the images of which it is known whether they have this class."""

    n_uncertain: int = 0
    """Images left out of these figures, since their label for this class is uncertain."""

    n_missing: int = 0
    """Images left out of these figures, since they have no label for this class."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a model tells the classes apart on one set of images."""

    classes: tuple[str, ...]
    """In the order of the confusion matrix."""

    n_images: int
    """Images with a known truth: the ones that every figure rests on. Of several labels an image,
    those with one that is known; a class's figures rest on those whose label for it is known."""

    n_patients: int
    """Their patients; an unknown patient counts as one each."""

    n_unknown_patients: int
    """Images among them whose patient is unknown."""

    n_unlabelled: int
    """Images left out since their truth is missing."""

    n_folds: int
    """Parts whose scores are never compared with each other: folds, or what `stratify` made; 1
    where there was one model."""

    accuracy: Estimate
    """Share of right decisions; not defined where an image may have several classes."""

    macro_precision: Estimate
    """Mean over classes."""

    macro_recall: Estimate
    """Mean over classes; where an image has one class this is what is called balanced accuracy."""

    macro_f1: Estimate
    """Mean over classes."""

    macro_auroc: Estimate
    """Mean over classes, each against all others; for two classes that exclude each other that of
    the second class."""

    balanced_accuracy: Estimate
    """Mean over classes; not defined where an image has one class: there it is `macro_recall`."""

    micro_precision: Estimate
    """All classes in one count; not defined where an image has one class: there all three are the
    accuracy."""

    micro_recall: Estimate
    """All classes in one count."""

    micro_f1: Estimate
    """All classes in one count."""

    macro_average_precision: Estimate
    """Mean over classes; for two classes that exclude each other that of the second class."""

    brier: Estimate
    """Of one class an image half of Brier's sum over the classes, so that it lies in [0, 1];
    of several the mean over classes. 0 is perfect."""

    calibration_error: Estimate
    """Expected calibration error, as seen; its interval is for the true one. Of one class an image
    that of the largest probability, taken for the chance that the decision is right; of several
    the mean over classes."""

    calibration_error_debiased: Estimate
    """The same without what chance adds."""

    per_class: tuple[ClassReport, ...]
    """One a class."""

    confusion: Counts | None
    """Counts: rows are the truth, columns the decision; None where an image may have several
    classes: then the outcomes stand in `per_class`."""

    roc: tuple[RocCurve, ...]
    """One a class that has positives and negatives."""

    is_multilabel: bool = False
    """Whether an image may have several classes, or none, so that each is judged on its own."""


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
    """Macro AUROC of it alone: of a number in whichever direction separates better (so never below
    0.5), of a category as the classes' shares in it are learnt from other patients."""


@dataclass(frozen=True)
class Difference:
    """How much larger a figure of one model is than that of another, on the same cases."""

    estimate: Estimate
    """The first model's figure less the second's, in [-1, 1]."""

    p_value: float | None
    """Two-sided, of no difference; None where there is no interval, or one that was widened."""

    def __str__(self) -> str:
        """The difference as people read it."""
        value, low, high = self.estimate.value, self.estimate.low, self.estimate.high
        if value is None:
            return "not defined"
        if low is None or high is None:
            return f"{value:+.3f} (too few for an interval)"
        told = f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
        if self.p_value is None:
            return told
        return told + (f", p = {self.p_value:.3f}" if self.p_value >= 0.001 else ", p < 0.001")
