"""Where letters, side markers, arrows and score boxes are burned into a radiograph.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int
from PIL import Image
from scipy import ndimage

from cxrlens.imaging.lung_field import LungField
from cxrlens.imaging.morphology import dilate, erode
from cxrlens.vocabulary import GreyImage, PixelMask

_SIDE = 512
"""Longer side of the image in which signs are looked for; smaller images are taken as they are."""

_STROKE = 0.03
"""Strokes are thinner than this share of the longer side: bars of letters, heads of arrows."""

_LARGEST_SIGN, _LARGEST_BOX = 0.15, 0.25
"""Longer side of a sign (a letter or a word whose letters touch) and of the box around it, as
shares of the image's longer side. Wires, tubes and collimator edges are longer."""

_SPECK = 3
"""Longer side of what is too small for a sign, in pixels of the image searched."""

_FLAT = 0.03
"""Greys of a box differ by less from pixel to pixel (8 levels of 255, after JPEG)."""

_LUNG_MARGIN = 0.04
"""What lies nearer to the lungs, as a share of the longer side, is left alone: ribs seen end-on
along the chest wall are as crisp and bright as letters."""

_NEIGHBOURHOOD = 0.03
"""Faint strokes so near to a clear one belong to the same word."""

_MOST = 0.2
"""Where more of an image than this share looks like signs, it is noise, and none is found."""

_AROUND = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class _Demand:
    """What a stroke must show."""

    contrast: float
    """Largest difference to its surroundings, in [0, 1]."""

    crispness: float
    """Mean over its rim of the grey range within 3 x 3 pixels, as a share of that difference: 1
    where the whole step is made within a pixel, 0.3 for a rib."""


_CLEAR_BRIGHT, _CLEAR_DARK = _Demand(0.3, 0.6), _Demand(0.45, 0.65)
_FAINT_BRIGHT, _FAINT_DARK = _Demand(0.15, 0.5), _Demand(0.25, 0.5)
"""Chosen by looking at radiographs of each source; dark lines are more often anatomy."""


def find_burned_in(pixels: GreyImage, lung: LungField | None = None) -> PixelMask:
    """Find signs: crisp, small strokes that are brighter or darker than all around.

    Letters of lead laid beside the patient are found as well as letters drawn by a computer;
    electrodes, clips, jewellery and slivers along bent wires now and then. What is as bright as
    its surroundings is not.

    Args:
        pixels: height x width in [0, 1].
        lung: if given, only signs that lie wholly outside the lungs, what is between them and a
            margin of 4 % of the image around them are found.

    Returns:
        True on the signs, with a pixel's rim and any flat box that holds them; same size.
    """
    small = _shrink(pixels)
    spread = dilate(small, 3) - erode(small, 3)
    signs = _find_signs(small, spread)
    if signs.mean() > _MOST:
        return np.zeros(pixels.shape, dtype=bool)
    if lung is not None:
        signs = _drop_touching(signs, _guard(lung.mask, small.shape))
    signs = dilate(signs, 3)
    rows, cols = pixels.shape
    whole = np.asarray(Image.fromarray(signs).resize((cols, rows), Image.Resampling.NEAREST))
    return whole if lung is None else whole & ~lung.mask


def _shrink(pixels: GreyImage) -> Float32[np.ndarray, "rows cols"]:
    rows, cols = pixels.shape
    scale = _SIDE / max(rows, cols)
    if scale >= 1:
        return pixels
    size = (max(1, round(cols * scale)), max(1, round(rows * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _find_signs(small: GreyImage, spread: GreyImage) -> PixelMask:
    bright, dark = _stand_out(small), _stand_out(1 - small)
    clear = _find_strokes(bright, spread, _CLEAR_BRIGHT)
    clear |= _find_strokes(dark, spread, _CLEAR_DARK)
    if not clear.any():
        return clear
    near = dilate(clear, 2 * round(_NEIGHBOURHOOD * max(small.shape)) + 1)
    faint = _find_strokes(np.where(near, bright, 0), spread, _FAINT_BRIGHT)
    faint |= _find_strokes(np.where(near, dark, 0), spread, _FAINT_DARK)
    strokes = clear | faint
    return np.asarray(strokes | _find_boxes(spread, strokes))


def _stand_out(grey: GreyImage) -> GreyImage:
    """By how much each pixel is brighter than the brightest wide thing under it: the white top-hat.

    Source: J. Serra, Image Analysis and Mathematical Morphology, 1982.
    """
    width = max(3, round(_STROKE * max(grey.shape)))
    return np.asarray(grey - dilate(erode(grey, width), width))


def _find_strokes(height: GreyImage, spread: GreyImage, demand: _Demand) -> PixelMask:
    """Small crisp parts; `height` says by how much each pixel stands out."""
    found = np.zeros(height.shape, dtype=bool)
    limit = _LARGEST_SIGN * max(height.shape)
    high = height >= demand.contrast
    if not high.any():
        return found
    rising = height > 0.4 * demand.contrast
    labels, n = ndimage.label(rising, _AROUND)
    is_high = _mark_parts(labels, n, high)
    # Parts do not touch each other: what is inside one is inside them all taken together.
    inner = erode(np.pad(rising, 1), 3)[1:-1, 1:-1]
    for box, stroke in _list_parts(labels, is_high, limit):
        contrast = height[box][stroke].max()
        rim = stroke & ~inner[box]
        crispness = np.minimum(spread[box][rim] / contrast, 1).mean()
        if crispness >= demand.crispness:
            found[box] |= stroke
    return found


def _find_boxes(spread: GreyImage, strokes: PixelMask) -> PixelMask:
    """Flat, nearly rectangular patches that touch strokes; their own outline is crisp."""
    found = np.zeros(strokes.shape, dtype=bool)
    limit = _LARGEST_BOX * max(strokes.shape)
    labels, n = ndimage.label(spread < _FLAT)
    is_beside = _mark_parts(labels, n, dilate(strokes, 7))
    for box, flat in _list_parts(labels, is_beside, limit):
        if not strokes[box].any():
            continue
        patch = ndimage.binary_fill_holes(flat)
        if patch.mean() > 0.8 and (patch & strokes[box]).any():
            found[box] |= patch
    return dilate(found, 3)


def _mark_parts(
    labels: Int[np.ndarray, "h w"], n: int, where: PixelMask
) -> Bool[np.ndarray, " parts"]:
    """Say of each part, by its number, whether it holds a pixel of `where`; of 0, the rest, no."""
    marked = np.zeros(n + 1, dtype=bool)
    marked[labels[where]] = True
    marked[0] = False
    return marked


def _list_parts(
    labels: Int[np.ndarray, "h w"], is_asked: Bool[np.ndarray, " parts"], largest: float
) -> Iterator[tuple[tuple[slice, slice], Bool[np.ndarray, "rows cols"]]]:
    """Give box and pixels of each part asked for that is neither a speck nor too large."""
    at = np.flatnonzero(is_asked[labels])
    rows, cols = np.divmod(at, labels.shape[1])
    number = labels.ravel()[at]
    first, last = np.full((2, len(is_asked)), max(labels.shape)), np.zeros((2, len(is_asked)), int)
    for axis, places in enumerate((rows, cols)):
        np.minimum.at(first[axis], number, places)
        np.maximum.at(last[axis], number, places)
    side = (last - first).max(axis=0) + 1
    for part in np.flatnonzero(is_asked & (side > _SPECK) & (side <= largest)).tolist():
        (top, left), (bottom, right) = first[:, part].tolist(), last[:, part].tolist()
        box = slice(top, bottom + 1), slice(left, right + 1)
        yield box, np.asarray(labels[box] == part)


def _guard(lungs: PixelMask, size: tuple[int, ...]) -> Bool[np.ndarray, "rows cols"]:
    """The lungs, all between them, and a margin, at another size."""
    small = Image.fromarray(lungs).resize((size[1], size[0]), Image.Resampling.NEAREST)
    mask = np.asarray(small)
    from_left = np.maximum.accumulate(mask, axis=1)
    from_right = np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    width = 2 * round(_LUNG_MARGIN * max(size)) + 1
    return dilate(from_left & from_right, width)


def _drop_touching(signs: PixelMask, guarded: PixelMask) -> PixelMask:
    labels, n = ndimage.label(signs, _AROUND)
    is_kept = np.ones(n + 1, dtype=bool)
    is_kept[labels[guarded]] = False
    is_kept[0] = False
    return np.asarray(is_kept[labels])
