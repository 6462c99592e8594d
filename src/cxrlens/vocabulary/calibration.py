"""How logits become probabilities that may be taken at their word.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from cxrlens.vocabulary.arrays import Logits, Probabilities
from cxrlens.vocabulary.errors import BundleError

CalibrationMethod = Literal["temperature", "vector"]
"""One scale for all classes, or a scale and an offset of their own."""


@dataclass(frozen=True)
class Scaling:
    """Logits times a scale plus an offset, then softmax or sigmoid.

    Raises:
        BundleError: if the numbers are not one a class, not finite, or a scale is not above 0.

    Source:
        Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017,
        section 4.2 (the temperature is 1 / scale).

    Example:
        >>> import numpy as np
        >>> half = Scaling("temperature", (0.5, 0.5), (0.0, 0.0), is_multilabel=False)
        >>> half.apply(np.array([[0.0, 2 * np.log(3)]])).round(3).tolist()
        [[0.25, 0.75]]
    """

    method: CalibrationMethod
    """How it was fitted."""

    scales: tuple[float, ...]
    """One a class, above 0: what its logit is multiplied by. All the same of a temperature, and of
    two classes that exclude each other."""

    offsets: tuple[float, ...]
    """One a class: what is added then. All 0 of a temperature."""

    is_multilabel: bool
    """Whether each probability is the sigmoid of its own logit, else the softmax of all."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        numbers = (*self.scales, *self.offsets)
        is_sound = all(map(isfinite, numbers)) and all(scale > 0 for scale in self.scales)
        if not is_sound or len(self.scales) != len(self.offsets) or not self.scales:
            raise BundleError(
                f"a calibration needs a scale above 0 and an offset for every class; got scales "
                f"{self.scales} and offsets {self.offsets}"
            )

    def apply(self, logits: Logits) -> Probabilities:
        """Turn logits into probabilities.

        Args:
            logits: one column a class.

        Returns:
            As many, in [0, 1], float64.
        """
        scaled = logits.astype(np.float64) * np.array(self.scales) + np.array(self.offsets)
        if self.is_multilabel:
            return np.asarray(np.exp(-np.logaddexp(0.0, -scaled)))
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class ClassCount:
    """How many cases there were of one class, and without it."""

    class_name: str
    """The class."""

    n_positives: int
    """Images that are known to have it."""

    n_negatives: int
    """Images that are known not to have it."""

    n_positive_patients: int
    """Patients with such an image; an unknown patient counts as one each."""

    n_negative_patients: int
    """Patients with an image that does not have it."""


@dataclass(frozen=True)
class Calibration:
    """A scaling with what it was fitted on, and the weights that it belongs to."""

    scaling: Scaling
    """What it does."""

    fitted_on: str
    """The data, in words."""

    n_images: int
    """Images that it was fitted on."""

    n_patients: int
    """Their patients; an unknown patient counts as one each."""

    counts: tuple[ClassCount, ...]
    """Those images, class by class."""

    weights: str
    """SHA-256 of the weights file whose logits it was fitted to; it means nothing to others."""
