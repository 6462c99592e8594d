"""Boxes that lie in a file of their own come to the images of a table.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pandas as pd

from cxrlens.data.box_list import list_boxes
from cxrlens.data.column_roles import simplify
from cxrlens.data.label_file import read_label_file
from cxrlens.data.study_table import StudyTable
from cxrlens.vocabulary import TableError

_USUAL = (
    ("path", "image", "imagepath", "filename", "imageindex", "file", "imageid"),
    ("label", "findinglabel", "class", "finding", "classname"),
    ("x", "left", "xmin"),
    ("y", "top", "ymin"),
    ("w", "width"),
    ("h", "height"),
)
"""Names of the columns of image, finding and sides, in lower case without spaces and signs."""


def add_boxes(table: StudyTable, path: Path, findings: Mapping[str, str]) -> StudyTable:
    """Give the images of a table the boxes that a file lists.

    Args:
        table: any.
        path: a CSV or Parquet file, one row a box: the image's path from the table's root or its
            file name, the finding, and left, top, width and height in source pixels.
        findings: the class of each finding, such as `{"RSNA:lung opacity": "pneumonia"}`; findings
            that are neither in it nor classes of the table are left out.

    Returns:
        The table, with a note of how many boxes came to how many images.

    Raises:
        TableError: if the file cannot be read, lacks a column or holds no box of these images.
    """
    file = read_label_file(path)
    by_name = {simplify(name): name for name in reversed(file.header)}
    columns = []
    for names in _USUAL:
        found = next((by_name[name] for name in names if name in by_name), None)
        if found is None:
            raise TableError(
                f"{file.name} has no column {names[0]!r} (nor {', '.join(names[1:])}); a list of "
                "boxes has image, finding, left, top, width and height"
            )
        columns.append(found)
    boxes = list_boxes(file, columns, findings)
    relative = table.relative_images
    bare = [PurePosixPath(image).name for image in relative]
    times = Counter(bare)
    wanted = {*table.classes}
    cells = []
    for image, name in zip(relative, bare, strict=True):
        its = boxes.get(image, ())
        if name != image and times[name] == 1:
            its += boxes.get(name, ())
        kept = tuple(box for box in its if box.class_name in wanted)
        cells.append(kept or None)
    n_boxes = sum(len(its) for its in cells if its)
    if not n_boxes:
        raise TableError(
            f"{file.name} has no box of a class of these images ({', '.join(table.classes)}); "
            "name the class of a finding with --finding FINDING=CLASS, and the images by their "
            "path from --images"
        )
    note = f"{n_boxes} boxes of {sum(its is not None for its in cells)} images from {file.name}."
    frame = table.frame.assign(boxes=pd.Series(cells, dtype=object))
    return replace(table, frame=frame, notes=(*table.notes, note))
