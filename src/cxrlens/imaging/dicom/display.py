"""Stored numbers become grey, as a DICOM header says that they are to be shown.

SPDX-License-Identifier: Apache-2.0

Everything here is a function of the stored number alone, of which there are 65,536 at most: the
whole pipeline is computed once for each of them, and then looked up for each pixel.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Shaped
from pydicom import Dataset

from cxrlens.imaging.dicom.dataset import read_items, read_numbers, read_text
from cxrlens.imaging.dicom.format import PixelFormat
from cxrlens.imaging.dicom.lut import Values, read_lookup_table
from cxrlens.imaging.dicom.voi import WindowError, apply_voi
from cxrlens.vocabulary import GreyImage, ImageRefused, ImageWarning

BLACK_PERCENT, WHITE_PERCENT = 0.5, 99.5
"""The percentiles of the pixels that become black and white where no window says so."""

MIN_CONTRAST = 0.1
"""A window that leaves less of the grey scale between the 2nd and the 98th percentile is not used:
those at hand fill more than half of it."""

_CHUNK = 1 << 20
"""Pixels that are looked up at a time, since numpy takes 8 bytes for each."""

Table = Float32[np.ndarray, " n"]
"""The grey of every number that can be stored, from the lowest to the highest."""

Counts = Int[np.ndarray, " n"]
"""How many pixels have each of these numbers."""


@dataclass(frozen=True, eq=False)
class Display:
    """How a header wants its numbers to be shown."""

    grey: Values
    """Grey of every number that can be stored, in [0, 1], 0 black, by window or whole range."""

    is_padding: Shaped[np.ndarray, " n"]
    """Whether a number stands for no image at all."""

    is_range_stated: bool
    """Whether black and white are stated: by a window, a VOI LUT, or as those of 8 bits."""

    warnings: tuple[ImageWarning, ...]
    """What was decided against the header, or could not be decided by it."""


def read_display(
    name: str, dataset: Dataset, shape: PixelFormat, counts: Counts, *, is_big: bool
) -> Display:
    """Read how the pixels of a file are to be shown.

    Args:
        name: the file as messages call it.
        dataset: its header.
        shape: how its pixels are laid out.
        counts: how many pixels have each number.
        is_big: whether the file's words are big-endian.

    Returns:
        The grey of every number that can be stored.

    Raises:
        ImageRefused: `inconsistent-header`, if rescaling or a lookup table makes no sense.

    Source:
        DICOM PS3.3, C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.2 (photometric
        interpretation), C.7.5.1.1.2 (padding); PS3.4, N.2 (their order).
    """
    stored = np.arange(shape.lowest, shape.highest + 1, dtype=np.float64)
    is_padding = _find_padding(dataset, shape, stored)
    values, low, high = _apply_modality(name, dataset, stored, shape, is_big=is_big)
    whole = (values - low) / (high - low)
    seen = np.where(is_padding, 0, counts)
    grey, notes = None, []
    try:
        grey = apply_voi(name, dataset, values, is_big=is_big)
        if grey is not None and _is_flat(grey, seen) and not _is_flat(_stretch(whole, seen), seen):
            raise WindowError(
                f"a window that leaves {_measure(grey, seen):.0%} of the grey scale to the pixels"
            )
    except WindowError as error:
        grey = None
        notes.append(_warn_window(name, str(error), shape))
    is_inverse, contradiction = _read_polarity(name, dataset, shape)
    shown = whole if grey is None else grey
    return Display(
        1 - shown if is_inverse else shown,
        is_padding,
        grey is not None or shape.stored <= 8,
        (*notes, *contradiction),
    )


def count_numbers(numbers: Shaped[np.ndarray, "h w"], shape: PixelFormat) -> Counts:
    """Count how many pixels have each number that can be stored.

    Args:
        numbers: height x width.
        shape: their layout.

    Returns:
        From the lowest number to the highest.
    """
    flat, size = numbers.ravel(), shape.highest - shape.lowest + 1
    counts = np.zeros(size, np.int64)
    for start in range(0, flat.size, _CHUNK):
        places = flat[start : start + _CHUNK].astype(np.int64) - shape.lowest
        counts += np.bincount(places, minlength=size)
    return counts


def show(display: Display, counts: Counts, *, is_stretched: bool) -> Table:
    """Settle the grey of every number that can be stored.

    Args:
        display: what the header says.
        counts: how many pixels have each number.
        is_stretched: whether black and white are put at percentiles of the pixels where the
            header does not state them.

    Returns:
        Grey in [0, 1]; padding is black.
    """
    grey = display.grey
    if is_stretched and not display.is_range_stated:
        grey = _stretch(grey, np.where(display.is_padding, 0, counts))
    return np.where(display.is_padding, 0, grey).astype(np.float32)


def look_up(numbers: Shaped[np.ndarray, "h w"], table: Table, shape: PixelFormat) -> GreyImage:
    """Give every pixel its grey.

    Args:
        numbers: height x width.
        table: the grey of every number that can be stored.
        shape: the layout of the numbers.

    Returns:
        Height x width in [0, 1].
    """
    pixels = np.empty(numbers.shape, np.float32)
    flat, out = numbers.ravel(), pixels.ravel()
    for start in range(0, flat.size, _CHUNK):
        places = flat[start : start + _CHUNK].astype(np.int64) - shape.lowest
        out[start : start + _CHUNK] = table[places]
    return pixels


def _find_padding(dataset: Dataset, shape: PixelFormat, stored: Values) -> Shaped[np.ndarray, " n"]:
    """Numbers from Pixel Padding Value to Pixel Padding Range Limit, in either order."""
    ends = [
        number - (1 << shape.allocated) if shape.is_signed and number > shape.highest else number
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        for number in (read_numbers(dataset, keyword) or ())[:1]
    ]
    if not ends or not read_numbers(dataset, "PixelPaddingValue"):
        return np.zeros(stored.shape, bool)
    return np.asarray((stored >= min(ends)) & (stored <= max(ends)))


def _apply_modality(
    name: str, dataset: Dataset, stored: Values, shape: PixelFormat, *, is_big: bool
) -> tuple[Values, float, float]:
    """Give the numbers after the Modality LUT, and the smallest and largest of them."""
    items = read_items(name, dataset, "ModalityLUTSequence")
    if items:
        table = read_lookup_table(name, items[0], is_signed=shape.is_signed, is_big=is_big)
        return table.apply(stored), 0.0, float(table.highest)
    slope, intercept = (
        read_numbers(dataset, keyword) for keyword in ("RescaleSlope", "RescaleIntercept")
    )
    if slope is None or intercept is None or (slope and not 1e-9 < abs(slope[0]) < 1e9):
        raise ImageRefused(
            "inconsistent-header",
            f"{name} has a rescale slope or intercept that makes no sense: copy the file again",
        )
    values = stored * (slope[0] if slope else 1) + (intercept[0] if intercept else 0)
    low, high = sorted((float(values[0]), float(values[-1])))
    return values, low, high


def _read_polarity(
    name: str, dataset: Dataset, shape: PixelFormat
) -> tuple[bool, tuple[ImageWarning, ...]]:
    """Decide once whether the lowest value is white; Presentation LUT Shape goes before all."""
    stated = read_text(name, dataset, "PresentationLUTShape").upper()
    is_inverse = shape.photometric == "MONOCHROME1"
    if stated not in ("IDENTITY", "INVERSE") or (stated == "INVERSE") == is_inverse:
        return is_inverse, ()
    message = (
        f"{name} is {shape.photometric} and its presentation LUT shape is {stated}, which "
        f"contradict each other: the shape was followed, "
        f"so that low is {'black' if is_inverse else 'white'}"
    )
    return not is_inverse, (ImageWarning("polarity-contradictory", message),)


def _warn_window(name: str, fault: str, shape: PixelFormat) -> ImageWarning:
    instead = (
        "the whole range of its bits was shown instead"
        if shape.stored <= 8
        else f"percentiles {BLACK_PERCENT:g} and {WHITE_PERCENT:g} of its pixels were taken as "
        "its ends instead"
    )
    return ImageWarning("window-unusable", f"{name} states {fault}: {instead}")


def _stretch(grey: Values, counts: Counts) -> Values:
    """Put black and white at percentiles of the pixels; leave an image of one grey as it is."""
    black, white = _find_percentiles(grey, counts, (BLACK_PERCENT, WHITE_PERCENT))
    return np.clip((grey - black) / (white - black), 0, 1) if white > black else grey


def _is_flat(grey: Values, counts: Counts) -> bool:
    return _measure(grey, counts) < MIN_CONTRAST


def _measure(grey: Values, counts: Counts) -> float:
    """How much of the grey scale lies between the 2nd and the 98th percentile of the pixels."""
    low, high = _find_percentiles(grey, counts, (2.0, 98.0))
    return high - low


def _find_percentiles(
    grey: Values, counts: Counts, percents: tuple[float, float]
) -> tuple[float, float]:
    """The greys that so many percent of the pixels do not exceed; 0 where there are no pixels."""
    order = np.argsort(grey, kind="stable")
    total = np.cumsum(counts[order])
    if not total[-1]:
        return 0.0, 0.0
    places = np.searchsorted(total, np.array(percents) / 100 * total[-1])
    low, high = grey[order[np.minimum(places, len(order) - 1)]]
    return float(low), float(high)
