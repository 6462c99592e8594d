"""One image as its file gives it, before anyone asks whether it is a chest radiograph.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

from cxrlens.imaging.reduction import Reduction
from cxrlens.vocabulary import GreyImage, ImageWarning


@dataclass(frozen=True, eq=False)
class Scan:
    """What a decoder gives; `check_quality` makes of it what a `Radiograph` is made from."""

    pixels: GreyImage
    """Height x width in [0, 1], upright as the file's header says; 0 is what the header calls
    black."""

    view: str = "unknown"
    """The projection, such as `PA` or `AP`; `unknown` where the file does not say."""

    spacing_mm: tuple[float, float] | None = None
    """Distance of neighbouring rows and of neighbouring columns in mm; None where unknown."""

    colourfulness: float = 0.0
    """99th percentile over the pixels of the largest difference between two of the colours red,
    green and blue, in [0, 1]; 0 for a grey file."""

    is_polarity_stated: bool = False
    """Whether the header says which end of the grey scale is black, as DICOM does."""

    warnings: tuple[ImageWarning, ...] = ()
    """What the decoder had to decide for itself."""

    reduction: Reduction | None = None
    """How the pixels lie on the image's own; None where they are those."""

    is_turned_back: bool = False
    """Whether the grey scale was found inverted, and the pixels were turned back."""

    @property
    def source_size(self) -> tuple[int, int]:
        """(height, width) of the image in its own pixels, upright."""
        rows, cols = self.pixels.shape
        return (rows, cols) if self.reduction is None else self.reduction.source_size

    def turn_back(self) -> "Scan":
        """Make black white and white black."""
        return replace(self, pixels=1 - self.pixels, is_turned_back=True)
