"""A heat-map becomes scored boxes.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from cxrlens.explanation.contours import trace_contours
from cxrlens.explanation.lung_zones import LungZones, name_place
from cxrlens.explanation.region_boxes import box_parts
from cxrlens.vocabulary import GreyImage, Heatmap, InputError, PixelMask, Region

_Part = tuple[slice, slice, np.ndarray]
"""The rows and columns of a box, and the pixels in it."""

HALF = 0.5
"""Of the map's maximum: the half-maximum contour, fixed in advance."""


def find_regions(
    heatmap: Heatmap, share: float = HALF, zones: LungZones | None = None
) -> tuple[Region, ...]:
    """Box the connected parts of a map that reach a share of its maximum.

    Args:
        heatmap: signed; only positive evidence makes regions.
        share: of the map's maximum, in (0, 1]; `cxrlens explain-card` chooses one for each method
            and class.
        zones: of the same image; with them contours are traced and places named.

    Returns:
        Strongest first; none where the map says nothing or nothing speaks for the class.

    Raises:
        InputError: if the share is no number in (0, 1].
    """
    if zones is None:
        return find_many_regions([heatmap], share)[0]
    _check_share(share)
    heat = heat_on_source(heatmap)
    return tuple(
        replace(
            _make_region(heatmap, heat, part),
            contours=trace_contours(part[2], part[0].start, part[1].start),
            place=name_place(part[2], part[0].start, part[1].start, zones),
        )
        for part in _list_parts(heat, share)
    )


def find_many_regions(
    heatmaps: Sequence[Heatmap], share: float = HALF
) -> tuple[tuple[Region, ...], ...]:
    """Do as `find_regions` without zones for many maps, in a tenth of the time for each.

    Args:
        heatmaps: as for `find_regions`.
        share: as for `find_regions`.

    Returns:
        One tuple a map.

    Raises:
        InputError: as `find_regions`.
    """
    _check_share(share)
    return tuple(
        _find_slowly(one, share)
        if boxes is None
        else tuple(
            Region(one.class_name, box.score, box.top, box.left, box.height, box.width)
            for box in boxes
        )
        for one, boxes in zip(heatmaps, box_parts(heatmaps, share), strict=True)
    )


def _find_slowly(heatmap: Heatmap, share: float) -> tuple[Region, ...]:
    heat = heat_on_source(heatmap)
    return tuple(_make_region(heatmap, heat, part) for part in _list_parts(heat, share))


def _make_region(heatmap: Heatmap, heat: GreyImage, part: _Part) -> Region:
    rows, cols, pixels = part
    return Region(
        class_name=heatmap.class_name,
        score=float(heat[rows, cols][pixels].max()),
        top=rows.start,
        left=cols.start,
        height=rows.stop - rows.start,
        width=cols.stop - cols.start,
    )


def mask_regions(heatmap: Heatmap, share: float = HALF) -> tuple[PixelMask, ...]:
    """Give the pixels of each region.

    Args:
        heatmap: as for `find_regions`.
        share: as for `find_regions`.

    Returns:
        Height x width of the source image, one a region, in the order of `find_regions`.

    Raises:
        InputError: as `find_regions`.
    """
    masks = []
    for rows, cols, part in _list_parts(heat_on_source(heatmap), share):
        mask = np.zeros(heatmap.geometry.source_size, dtype=np.bool_)
        mask[rows, cols] = part
        masks.append(mask)
    return tuple(masks)


def _list_parts(heat: GreyImage, share: float) -> list[_Part]:
    """The box of each connected part and its pixels in it, strongest first."""
    labels, _ = ndimage.label(cut(heat, share))
    parts = [
        (rows, cols, labels[rows, cols] == number)
        for number, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1)
    ]
    return sorted(parts, key=lambda one: -float(heat[one[0], one[1]][one[2]].max()))


def heat_on_source(heatmap: Heatmap) -> GreyImage:
    """Give the heat on the source pixels, 0 where the network saw nothing.

    Returns:
        Height x width of the source image, signed; all 0 where the map says nothing, nothing in
        it speaks for the class, or its peak lies between or outside the source's pixels.
    """
    nothing = np.zeros(heatmap.geometry.source_size, dtype=np.float32)
    if not heatmap.is_usable or heatmap.grid.max() <= 0:
        return nothing
    heat = np.nan_to_num(heatmap.on_source(), nan=0.0)
    return heat if heat.max() > 0 else nothing


def cut(heat: GreyImage, share: float = HALF) -> PixelMask:
    """Find the pixels that reach a share of the strongest heat.

    Args:
        heat: as `heat_on_source` gives it.
        share: in (0, 1].

    Returns:
        Height x width; nowhere True where nothing is above 0.

    Raises:
        InputError: if the share is no number in (0, 1].
    """
    _check_share(share)
    return np.asarray((heat >= share * heat.max()) & (heat > 0))


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise InputError(
            f"a region reaches a share of the map's maximum in (0, 1]; got {share}. 0.5 is usual."
        )
