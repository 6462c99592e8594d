"""A scored box on the source image.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

Contour = tuple[tuple[float, float], ...]
"""A closed line as (row, column) in source pixels, where the first pixel covers 0 to 1."""


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

    contours: tuple[Contour, ...] = ()
    """The lines around what reaches the threshold, holes too; empty where they were not traced."""

    place: str | None = None
    """Side and lung zone in words, such as `right lower zone`; None where nobody looked."""
