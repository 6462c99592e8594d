"""Where a finding lies on average, for an image that had no part in it.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.vocabulary import ClassIndices, Grid


class MeanMasks:
    """The means of masks by class, left to be asked without an image's own part.

    Args:
        masks: of images, on grids of one size, in [0, 1].
        class_names: the class that each shows.
        parts: a number for each image's part; a patient is in one only.
    """

    def __init__(
        self, masks: Sequence[Grid], class_names: Sequence[str], parts: ClassIndices
    ) -> None:
        self._masks, self._names, self._parts = masks, class_names, parts.tolist()

    def of_all(self) -> dict[str, Grid]:
        """Give the mean mask of each class, over all images that have it."""
        return {
            name: self._mean([row for row, own in enumerate(self._names) if own == name])
            for name in dict.fromkeys(self._names)
        }

    def of_others(self, row: int) -> Grid:
        """Give the mean mask of an image's class, over images of other parts.

        Returns:
            The mean; 0 everywhere, which says nothing, where no other part has that class.
        """
        return self._mean(self._list_others(row))

    def count_alone(self) -> int:
        """Count the images whose class no other part has."""
        return sum(not self._list_others(row) for row in range(len(self._names)))

    def _list_others(self, row: int) -> list[int]:
        return [
            other
            for other, (name, part) in enumerate(zip(self._names, self._parts, strict=True))
            if name == self._names[row] and part != self._parts[row]
        ]

    def _mean(self, rows: Sequence[int]) -> Grid:
        if not rows:
            return np.zeros_like(self._masks[0])
        return np.asarray(np.mean([self._masks[row] for row in rows], axis=0), dtype=np.float32)
