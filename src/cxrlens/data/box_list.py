"""Boxes as tables hold them: one a row, or all of an image in a cell.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cxrlens.data.label_file import LabelFile
from cxrlens.vocabulary import Box, TableError, show_name

_SIDES = ("left", "top", "width", "height")

_FAR = 1e6
"""No image has so many rows or columns."""

Boxes = dict[str, tuple[Box, ...]]
"""The boxes of each image, in the order of the rows; images in the order of their first."""


def list_boxes(
    file: LabelFile,
    columns: Sequence[str],
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Boxes:
    """Read a list of boxes.

    Args:
        file: one row a box.
        columns: those of the image, the finding, the left and upper edge, the width and the height
            in pixels.
        renamed: findings that have another name elsewhere.

    Returns:
        The boxes by image, as the rows name it.

    Raises:
        TableError: if a row is no box, with its line.
    """
    boxes: dict[str, list[Box]] = {}
    rows = zip(*(file.frame[name] for name in columns), strict=True)
    for row, (image, finding, *sides) in enumerate(rows):
        box = read_box(renamed.get(finding, finding), sides)
        if box is None:
            raise TableError(
                f"{file.place(row)} holds no box with a width and a height in numbers: "
                f"{', '.join(map(show_name, sides))}"
            )
        boxes.setdefault(image, []).append(box)
    return {image: tuple(its) for image, its in boxes.items()}


def read_box(finding: str, sides: Sequence[object]) -> Box | None:
    """Read left, top, width and height; None where they are no box."""
    try:
        left, top, width, height = (float(str(side)) for side in sides)
    except ValueError:
        return None
    box = Box(finding, left, top, width, height)
    is_box = width > 0 and height > 0 and all(abs(one) < _FAR for one in (left, top, width, height))
    return box if is_box else None


def find_beside(file: LabelFile, names: Sequence[str]) -> str | None:
    """Find the first of some files that lies in the folder of a table."""
    paths = (os.path.join(file.folder, name) for name in names)  # noqa: PTH118 (bytes survive)
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113


def parse_boxes(cell: str) -> tuple[Box, ...] | None:
    """Read a cell that holds a JSON list of objects with the fields of `Box`.

    `cxrlens convert` writes them so.

    Returns:
        The boxes; None where the cell holds something else, or nothing.
    """
    try:
        found = [
            read_box(str(one["class_name"]), [one[side] for side in _SIDES])
            for one in json.loads(cell)
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    boxes = tuple(box for box in found if box is not None)
    return boxes if len(boxes) == len(found) else None
