"""How an image that was decoded at a fraction of its size lies on its own pixels.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

FACTORS = (8, 4, 2)
"""Pixels of a side that libjpeg makes one of while it decodes, the most first.

Source: ITU-T T.81: a block of 8 x 8 pixels is stored as its frequencies, of which the lower ones
alone give the block with 4 x 4, 2 x 2 or 1 x 1 pixels.
"""

_FLIPPED = {2: (False, True), 3: (True, True), 4: (True, False), 6: (False, True), 7: (True, True),
            8: (True, False)}  # fmt: skip
"""By EXIF orientation: whether the upright image's rows, and its columns, run against the stored
image's (of 5 to 8 its columns and rows)."""


@dataclass(frozen=True)
class Reduction:
    """Where the pixels of an image lie among the fewer ones that were decoded.

    A side of n pixels is decoded as ceil(n / factor): where that does not divide, the last one
    reaches beyond the image, and in an image that was turned upright the last may be the first.

    Example:
        >>> place_reduced((101, 200), 2, orientation=3)
        Reduction(source_size=(101, 200), factor=2, top=0.5, left=0.0)
    """

    source_size: tuple[int, int]
    """(height, width) of the image in its own pixels, upright."""

    factor: int = 1
    """Pixels of the image along one side of a decoded one."""

    top: float = 0.0
    """Upper edge of the image, in decoded pixels from the upper edge of what was decoded."""

    left: float = 0.0
    """Left edge of the image, in decoded pixels from the left edge of what was decoded."""

    def place(self, top: float, left: float) -> tuple[float, float]:
        """Take a point to the decoded pixels.

        Args:
            top: in the image's own pixels, 0 is its upper edge.
            left: the same, 0 is its left edge.

        Returns:
            (row, column) in decoded pixels, 0 is the edge of what was decoded.
        """
        return top / self.factor + self.top, left / self.factor + self.left


def place_reduced(source_size: tuple[int, int], factor: int, orientation: int = 1) -> Reduction:
    """Say how an image lies on what was decoded of it and turned upright.

    Args:
        source_size: (height, width) of the image in its own pixels, upright.
        factor: pixels along one side of a decoded one.
        orientation: as EXIF numbers it, by which it was turned; 1 is not at all.

    Returns:
        Its place.
    """
    beyond = [-(-side // factor) - side / factor for side in source_size]
    rows, cols = _FLIPPED.get(orientation, (False, False))
    return Reduction(source_size, factor, beyond[0] if rows else 0.0, beyond[1] if cols else 0.0)
