"""What the machine says about one radiograph.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

from cxrlens.vocabulary.heatmap import Heatmap
from cxrlens.vocabulary.image_warning import ImageWarning
from cxrlens.vocabulary.operating_point import OperatingPoint
from cxrlens.vocabulary.refusal import Refusal
from cxrlens.vocabulary.region import Region
from cxrlens.vocabulary.unfamiliarity import Unfamiliarity

NONE_OF_THEM = "none of them"
"""What a decision for no class is called."""

Status = Literal["predicted", "predicted with warnings", "refused"]
"""Whether there is an answer, and whether it comes with reservations."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer for one image, or the reason why there is none."""

    image: str
    """The file, as it was named by the user."""

    bundle_digest: str
    """Digest of the model that answered."""

    classes: tuple[str, ...]
    """The classes, in the order of `logits` and `probabilities`."""

    operating_point: OperatingPoint
    """The rule behind `decision`."""

    engine: str = ""
    """What ran the network, and in which precision, such as `openvino, bfloat16`."""

    logits: tuple[float, ...] = ()
    """One a class; empty when refused."""

    probabilities: tuple[float, ...] = ()
    """One a class, as the network gives them (not calibrated); empty when refused."""

    calibrated: tuple[float, ...] = ()
    """One a class, by the bundle's calibration; empty when refused, and where it has none."""

    decision: str | None = None
    """The class decided for; of several the one with the largest probability. None when refused,
    and where each class is decided for on its own and none is."""

    is_multilabel: bool = False
    """Whether each class is decided for on its own, so that there may be several or none."""

    decisions: tuple[str, ...] = ()
    """All classes decided for, in the order of `classes`; empty when refused, and for none."""

    flagged: tuple[str, ...] = ()
    """All classes whose probability reaches their own threshold; empty where there are none."""

    heatmaps: tuple[Heatmap, ...] = ()
    """One a class, in the order of `classes`; empty when refused."""

    regions: tuple[Region, ...] = ()
    """Boxes around the evidence of `heatmap`, strongest first."""

    warnings: tuple[ImageWarning, ...] = ()
    """Reservations, in the order in which they were found."""

    unfamiliarity: Unfamiliarity | None = None
    """How unlike the training images it is; None when refused, and where the bundle keeps no
    statistics of its training images: then it was not measured."""

    brightness: float | None = None
    """Mean grey of what the network saw, in [0, 1]; None when refused."""

    features: Float32[np.ndarray, " features"] | None = None
    """What the network makes of the image, pooled; never written to a file. None when refused, and
    in answers for a whole table, where they would fill the memory."""

    refusal: Refusal | None = None
    """Why there is no answer; None when there is one."""

    @property
    def status(self) -> Status:
        """Whether there is an answer, and whether it comes with reservations."""
        if self.refusal is not None:
            return "refused"
        return "predicted with warnings" if self.warnings else "predicted"

    @property
    def heatmap(self) -> Heatmap | None:
        """The map of the leading class; None when refused."""
        if self.leading is None or not self.heatmaps:
            return None
        return self.heatmaps[self.classes.index(self.leading)]

    @property
    def leading(self) -> str | None:
        """The class decided for, or the likeliest where none is; None when refused."""
        if self.decision is not None or not self.probabilities:
            return self.decision
        return self.classes[self.deciding.index(max(self.deciding))]

    @property
    def deciding(self) -> tuple[float, ...]:
        """The probabilities that the decision follows from: the calibrated ones, if there are."""
        return self.calibrated or self.probabilities

    @property
    def verdict(self) -> str:
        """The decision in words; empty when refused."""
        if self.refusal is not None or not self.is_multilabel:
            return self.decision or ""
        return "; ".join(self.decisions) or NONE_OF_THEM
