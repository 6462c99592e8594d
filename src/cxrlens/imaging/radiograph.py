"""One image as pixels.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.vocabulary import GreyImage, ImageWarning


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One image as pixels, in the frame in which it is displayed."""

    pixels: GreyImage
    """Height x width, float32 in [0, 1]; 0 is air (black)."""

    view: str
    """The projection, such as `PA` or `AP`; `unknown` where the file does not say."""

    spacing_mm: tuple[float, float] | None
    """Distance of neighbouring rows and of neighbouring columns in mm; None where unknown."""

    digest: str
    """SHA-256 of the file's bytes, 64 hexadecimal digits."""

    n_bytes: int
    """Size of the file in bytes."""

    warnings: tuple[ImageWarning, ...] = ()
    """What must be known about it, in the order in which it was found."""
