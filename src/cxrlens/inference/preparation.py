"""A table of files becomes decoded pixels, row by row.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

from cxrlens.data import StudyTable
from cxrlens.imaging import DecodedImages, Preprocessing, decode
from cxrlens.vocabulary import Progress, TableError


@dataclass(frozen=True, eq=False)
class PreparedTable:
    """A table whose images have all been decoded for one network."""

    table: StudyTable
    """The rows whose image could be read, in the order of `images`; the others are its refusals."""

    images: DecodedImages
    """One a row."""


def prepare(table: StudyTable, preprocessing: Preprocessing, progress: Progress) -> PreparedTable:
    """Decode every image of a table once.

    Args:
        table: any.
        preprocessing: of the network that will see them.
        progress: is told of every image.

    Raises:
        TableError: if no image can be read.
    """
    paths = table.images
    images = decode(
        paths,
        preprocessing,
        progress=lambda done: progress.advance("read images", done, len(paths)),
    )
    if len(images.kept) == 0:
        first = images.refusals[0].message if images.refusals else "the table is empty"
        raise TableError(f"none of the {len(paths)} images can be read; the first: {first}")
    refusals = (*table.refusals, *images.refusals)
    return PreparedTable(replace(table.take(images.kept), refusals=refusals), images)
