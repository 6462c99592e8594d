"""A scored box on the source image.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A box where the evidence for one class is gathered."""

    class_name: str
    """The class that the evidence is for."""

    score: float
    """The largest value of the heat-map inside the box, in the units of that map."""

    top: int
    """First row of the box, source pixels, zero-based."""

    left: int
    """First column of the box, source pixels, zero-based."""

    height: int
    """Rows of the box."""

    width: int
    """Columns of the box."""
