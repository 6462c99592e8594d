"""Where findings and lungs are known to lie in the images of a table.

SPDX-License-Identifier: Apache-2.0
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.explanation import LEAST_CONFIDENCE
from cxrlens.imaging import find_lung_field, read_mask, read_radiograph
from cxrlens.inference import PreparedTable
from cxrlens.vocabulary import Box, ImageRefused, PixelMask, TableError, show_name


@dataclass(frozen=True, eq=False)
class MapTruth:
    """What is known of where things lie, read when it is asked for."""

    prepared: PreparedTable
    """The table."""

    lung_column: str | None
    """The column with masks of the lungs; None: our own lung field stands in for them."""

    def has_finding(self, row: int) -> bool:
        """Whether it is known where the class of an image's label lies."""
        return self._mask(row) is not None or bool(self._boxes(row))

    def read_finding(self, row: int) -> PixelMask:
        """Give the pixels of the finding of an image's label: its mask, else its boxes.

        Returns:
            Height x width of the source image.

        Raises:
            ImageRefused: if the mask cannot be read.
        """
        mask = self._mask(row)
        if mask is not None:
            return read_mask(mask)
        return fill_boxes(self._boxes(row), self.prepared.images.source_sizes[row])

    def has_lungs(self, row: int) -> bool:
        """Whether masks of the lungs are given and this image has one, or none are given."""
        return self.lung_column is None or self._lung_file(row) is not None

    def read_lungs(self, row: int) -> PixelMask | None:
        """Give the pixels of both lungs: of the image's mask, else of our lung field.

        Returns:
            Height x width of the source image; None where our lung field is not sure of itself.

        Raises:
            TableError: if the mask cannot be read, or does not fit the image.
        """
        path = self._lung_file(row)
        frame = self.prepared.table.frame
        if path is None:
            field = find_lung_field(read_radiograph(frame["image"].iloc[row]).pixels)
            return field.mask if field.confidence >= LEAST_CONFIDENCE else None
        size = self.prepared.images.source_sizes[row]
        try:
            mask = read_mask(path)
        except ImageRefused as error:
            raise TableError(f"lungs of {show_name(path)}: {error}") from error
        if mask.shape != size or not mask.any():
            raise TableError(
                f"the lungs in {show_name(path)} are {mask.shape} pixels, {int(mask.sum())} of "
                f"them inside; its image has {size}. Give masks of the images' own size."
            )
        return mask

    def _mask(self, row: int) -> str | None:
        mask: str | None = self.prepared.table.frame["mask"].iloc[row]
        return mask

    def _boxes(self, row: int) -> tuple[Box, ...]:
        frame = self.prepared.table.frame
        label = frame["label"].iloc[row]
        return tuple(box for box in frame["boxes"].iloc[row] or () if box.class_name == label)

    def _lung_file(self, row: int) -> str | None:
        if self.lung_column is None:
            return None
        cell = self.prepared.table.frame[self.lung_column].iloc[row]
        if not isinstance(cell, str) or not cell:
            return None
        return os.path.join(self.prepared.table.root, cell)  # noqa: PTH118 (bytes survive)


def fill_boxes(boxes: Sequence[Box], size: tuple[int, int]) -> PixelMask:
    """Draw boxes as a mask.

    Args:
        boxes: in source pixels.
        size: (height, width) of the source image.

    Returns:
        True where a pixel's centre lies in a box.
    """
    mask = np.zeros(size, dtype=np.bool_)
    for box in boxes:
        top, left = max(math.ceil(box.top - 0.5), 0), max(math.ceil(box.left - 0.5), 0)
        bottom = max(math.ceil(box.top + box.height - 0.5), 0)
        right = max(math.ceil(box.left + box.width - 0.5), 0)
        mask[top:bottom, left:right] = True
    return mask
