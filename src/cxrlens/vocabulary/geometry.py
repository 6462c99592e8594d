"""Where a network pixel lies on the source image, and back.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary.arrays import Points


@dataclass(frozen=True)
class Geometry:
    """The box of the source image that fills the network's input.

    Pixels are squares: pixel (r, c) covers [r, r+1) x [c, c+1), its centre is (r + ½, c + ½) in
    these edge coordinates and (r, c) in the centre coordinates that all methods speak. A plain
    resize has the whole source as its box; a crop has a smaller box; padding has a larger one.

    Example:
        >>> import numpy as np
        >>> whole = Geometry((100, 200), (50, 50), 0.0, 0.0, 100.0, 200.0)
        >>> whole.to_network(np.array([[0.5, 1.5]]))
        array([[0., 0.]])
    """

    source_size: tuple[int, int]
    """(height, width) of the source image in pixels."""

    network_size: tuple[int, int]
    """(height, width) of the network's input in pixels."""

    top: float
    """Upper edge of the box, in source pixels from the source's upper edge."""

    left: float
    """Left edge of the box, in source pixels from the source's left edge."""

    height: float
    """Height of the box in source pixels."""

    width: float
    """Width of the box in source pixels."""

    def to_network(self, points: Points) -> Points:
        """Take source positions to network positions.

        Args:
            points: (row, column) of pixel centres on the source, zero-based.

        Returns:
            (row, column) of pixel centres on the network's input; outside it where the box does
            not hold the point.
        """
        return np.asarray((points + 0.5 - self._corner) / self._scale - 0.5)

    def to_source(self, points: Points) -> Points:
        """Take network positions to source positions: the inverse of `to_network`.

        Args:
            points: (row, column) of pixel centres on the network's input, zero-based.

        Returns:
            (row, column) of pixel centres on the source image.
        """
        return np.asarray((points + 0.5) * self._scale + self._corner - 0.5)

    @property
    def _corner(self) -> Points:
        return np.array([[self.top, self.left]])

    @property
    def _scale(self) -> Points:
        """Source pixels a network pixel, along rows and columns."""
        height, width = self.network_size
        return np.array([[self.height / height, self.width / width]])
