"""A box that people drew around a finding.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """Where a finding lies on the source image, as readers marked it."""

    class_name: str
    """The finding, in the words of the data set."""

    left: float
    """Left edge in source pixels; the first column begins at 0."""

    top: float
    """Upper edge in source pixels; the first row begins at 0."""

    width: float
    """Columns, above 0."""

    height: float
    """Rows, above 0."""
