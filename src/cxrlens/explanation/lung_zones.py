"""Where in the lungs a region lies, in words.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8
from scipy import ndimage

from cxrlens.imaging import LungField
from cxrlens.vocabulary import PixelMask

LEAST_CONFIDENCE = 0.5
"""Of the lung field: below it nothing is said about places."""

SIDES = ("right", "left")
"""The patient's: the right lung lies on the left of the picture, as radiographs are shown."""

THIRDS = ("upper", "middle", "lower")
"""Equal parts of each lung's height."""

_LEAST_SHARE = 0.25
"""Of a region: zones that hold less of it are not named."""

UNKNOWN = "place unknown: the lungs were not found"
"""Said of every region where the lung field is a guess."""


@dataclass(frozen=True, eq=False)
class LungZones:
    """The six zones of the lungs on the source image."""

    zones: Int8[np.ndarray, "h w"]
    """Height x width; 0 outside the lungs, else 1 + 3 x side + third, in the order of `SIDES` and
    `THIRDS`."""

    is_known: bool
    """Whether the lungs were found; else no place is named."""


def divide_lungs(field: LungField) -> LungZones:
    """Divide the lungs into zones.

    Thirds of each lung's height stand for the zones that readers mean by anterior ribs, which
    nobody has found here.

    Args:
        field: of an upright frontal radiograph.

    Returns:
        The zones on the same pixels; not known where there are no two lungs, or the field's
        confidence is below `LEAST_CONFIDENCE`.
    """
    zones = np.zeros(field.mask.shape, dtype=np.int8)
    labels, n_parts = ndimage.label(field.mask)
    if n_parts < 2 or field.confidence < LEAST_CONFIDENCE:
        return LungZones(zones, is_known=False)
    sizes = np.bincount(labels.ravel())[1:]
    largest = (np.argsort(-sizes, kind="stable")[:2] + 1).tolist()
    lungs = [labels == number for number in largest]
    lungs.sort(key=lambda lung: float(np.flatnonzero(lung.any(axis=0)).mean()))
    for side, lung in enumerate(lungs):
        rows = np.flatnonzero(lung.any(axis=1))
        first, height = rows[0], rows[-1] + 1 - rows[0]
        third = (np.arange(len(zones)) - first) * 3 // height
        zones[lung] = (1 + 3 * side + third[:, None] + np.zeros_like(zones))[lung]
    return LungZones(zones, is_known=True)


def name_place(part: PixelMask, top: int, left: int, zones: LungZones) -> str:
    """Say in words in which zones the True pixels of a box lie.

    Args:
        part: height x width of the box.
        top: first row of the box on the source image.
        left: first column of the box on the source image.
        zones: of the source image.

    Returns:
        Such as `right lower zone`, `left middle and lower zones` or `outside the lungs`; zones
        that hold less than a quarter of the pixels are not named, and where none holds as much,
        the place is the fullest one.
    """
    if not zones.is_known:
        return UNKNOWN
    height, width = part.shape
    held = zones.zones[top : top + height, left : left + width][part]
    shares = np.bincount(held, minlength=7) / held.size
    named = np.flatnonzero(shares >= _LEAST_SHARE).tolist() or [int(np.argmax(shares))]
    words = []
    for side, name in enumerate(SIDES):
        first = 1 + 3 * side
        thirds = [THIRDS[zone - first] for zone in named if first <= zone < first + 3]
        if thirds:
            words.append(f"{name} {_join(thirds)} zone{'s' if len(thirds) > 1 else ''}")
    if 0 in named:
        words.append("outside the lungs")
    return ", ".join(words)


def _join(thirds: list[str]) -> str:
    return thirds[0] if len(thirds) == 1 else f"{', '.join(thirds[:-1])} and {thirds[-1]}"
