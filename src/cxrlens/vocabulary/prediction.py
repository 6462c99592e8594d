"""What the machine says about one radiograph.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Literal

from cxrlens.vocabulary.heatmap import Heatmap
from cxrlens.vocabulary.image_warning import ImageWarning
from cxrlens.vocabulary.operating_point import OperatingPoint
from cxrlens.vocabulary.refusal import Refusal
from cxrlens.vocabulary.region import Region

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

    logits: tuple[float, ...] = ()
    """One a class; empty when refused."""

    probabilities: tuple[float, ...] = ()
    """One a class, as the network gives them (not calibrated); empty when refused."""

    decision: str | None = None
    """The class decided for; None when refused."""

    heatmaps: tuple[Heatmap, ...] = ()
    """One a class, in the order of `classes`; empty when refused."""

    regions: tuple[Region, ...] = ()
    """Boxes around the evidence for the class decided for, strongest first."""

    warnings: tuple[ImageWarning, ...] = ()
    """Reservations, in the order in which they were found."""

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
        """The map of the class decided for; None when refused."""
        if self.decision is None:
            return None
        return self.heatmaps[self.classes.index(self.decision)]
