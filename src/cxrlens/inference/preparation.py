"""A table of files becomes decoded pixels, row by row.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

import pandas as pd

from cxrlens.data import StudyTable
from cxrlens.imaging import RUNS_MARK, DecodedImages, Preprocessing, decode, read_mask
from cxrlens.vocabulary import ImageRefused, Progress, Refusal, TableError, show_name

BAD_MASK = "bad-mask"
"""The reason of a refusal that concerns an image's mask, not the image."""


@dataclass(frozen=True, eq=False)
class PreparedTable:
    """A table whose images have all been decoded for one network."""

    table: StudyTable
    """The rows whose image could be read, in the order of `images`; the others are its refusals."""

    images: DecodedImages
    """One a row."""


def prepare(table: StudyTable, preprocessing: Preprocessing, progress: Progress) -> PreparedTable:
    """Decode every image of a table once, or take it from the table's store.

    Args:
        table: any; what goes wrong with its store is put among its notes.
        preprocessing: of the network that will see them.
        progress: is told of every image.

    Raises:
        TableError: if no image can be read.
    """
    paths = table.images
    images = decode(
        paths,
        preprocessing,
        store=table.store,
        progress=lambda done: progress.advance("read images", done, len(paths)),
    )
    if len(images.kept) == 0:
        first = images.refusals[0].message if images.refusals else "the table is empty"
        raise TableError(f"none of the {len(paths)} images can be read; the first: {first}")
    kept = table.take(images.kept)
    masks, bad_masks = _check_masks(kept, images)
    refusals = (*table.refusals, *images.refusals, *bad_masks)
    frame = kept.frame.assign(mask=pd.Series(masks, dtype=object))
    notes = (*table.notes, *images.notes)
    return PreparedTable(replace(kept, frame=frame, notes=notes, refusals=refusals), images)


def _check_masks(
    table: StudyTable, images: DecodedImages
) -> tuple[list[str | None], list[Refusal]]:
    """Drop masks that cannot be used, so that none of them ends a long work at its end."""
    masks: list[str | None] = []
    refusals = []
    for image, mask, size in zip(
        table.images, table.frame["mask"], images.source_sizes, strict=True
    ):
        reason = None
        if mask is not None:
            # A mask that is written out as runs has no name but its image's, and is very long.
            place = image if mask.startswith(RUNS_MARK) else mask
            reason = _find_fault(mask, place, size)
        if reason is not None:
            refusals.append(Refusal(place, BAD_MASK, reason))
        masks.append(mask if reason is None else None)
    return masks, refusals


def _find_fault(mask: str, place: str, size: tuple[int, int]) -> str | None:
    """Say why a mask cannot be used; None where it can."""
    try:
        pixels = read_mask(mask)
    except ImageRefused as error:
        return str(error)
    name = show_name(place)
    if pixels.shape != size:
        return f"mask {name} has {pixels.shape} rows and columns, its image has {size}"
    return None if pixels.any() else f"mask {name} is empty; remove it if there is no finding"
