"""Signs outside the lungs give way to what is around them.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float32, Float64
from scipy import ndimage

from cxrlens.imaging.burned_in import find_burned_in
from cxrlens.imaging.lung_field import find_lung_field
from cxrlens.vocabulary import GreyImage, PixelMask

_HALO = 0.004
"""Width of the seam that is replaced as well, as a share of the longer side: the blur and the
JPEG ringing around letters."""

_GRAIN = 1.0
"""Standard deviation in pixels of the blur that parts shades (kept) from grain (borrowed)."""

_N_LINES = 16
"""Directions in which a hole is bridged."""

_AGREEMENT, _UNKNOWN = 0.02, 0.5
"""Ends of a line that differ by less agree as well as any (the noise of the blurred rim); ends
that lie outside the image are taken to differ by so much."""


def remove_text(pixels: GreyImage) -> GreyImage:
    """Fill letters, side markers and arrows outside the lungs from their surroundings.

    Shades are bridged from rim to rim, along edges rather than across; the grain is borrowed from
    a place beside. What lies in the lungs, between them or close around them
    stays, arrows that point at a finding too, and so do signs that are not found.

    Args:
        pixels: height x width in [0, 1].

    Returns:
        A copy that differs on `mark_text` only; the same array where nothing is found.
    """
    mask = mark_text(pixels)
    return _fill(pixels, mask) if mask.any() else pixels


def mark_text(pixels: GreyImage) -> PixelMask:
    """Say what `remove_text` replaces.

    Args:
        pixels: height x width in [0, 1].

    Returns:
        True on signs outside the lungs and in a seam around them; never in the lung field.
    """
    lung = find_lung_field(pixels)
    signs = find_burned_in(pixels, lung)
    width = 2 * max(1, round(_HALO * max(pixels.shape))) + 1
    return np.asarray(ndimage.maximum_filter(signs, width) & ~lung.mask)


def _fill(pixels: GreyImage, mask: PixelMask) -> GreyImage:
    filled = pixels.copy()
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        hole_box = _widen(box, (1, 1), mask.shape)
        size = tuple(side.stop - side.start for side in hole_box)
        window = _widen(hole_box, size, mask.shape)
        inner = tuple(
            slice(hole.start - outer.start, hole.stop - outer.start)
            for hole, outer in zip(hole_box, window, strict=True)
        )
        shades, strength, grain = _part_grain(pixels[window], mask[window])
        hole = labels[hole_box] == number
        patch = _borrow(grain, mask[window], inner) * _span(strength[inner], hole)
        patch += _span(shades[inner], hole)
        filled[hole_box][hole] = _snap(patch[hole], pixels[window][~mask[window]])
    return filled


def _snap(
    values: Float32[np.ndarray, " n"], seen: Float32[np.ndarray, " m"]
) -> Float32[np.ndarray, " n"]:
    """Take the nearest of the greys seen around: finer ones would show where a sign was."""
    greys = np.unique(seen)
    if greys.size == 0:
        return np.asarray(np.clip(values, 0, 1))
    return np.asarray(greys[np.searchsorted((greys[1:] + greys[:-1]) / 2, values)])


def _widen(
    box: tuple[slice, ...], by: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[slice, ...]:
    sides = zip(box, by, shape, strict=True)
    return tuple(slice(max(s.start - n, 0), min(s.stop + n, length)) for s, n, length in sides)


def _part_grain(pixels: GreyImage, mask: PixelMask) -> tuple[GreyImage, GreyImage, GreyImage]:
    """Part what is not masked into shades, the strength of the grain, and grain of strength 1."""
    seen = (~mask).astype(np.float32)

    def blur(values: GreyImage, sigma: float) -> GreyImage:
        weight = np.maximum(ndimage.gaussian_filter(seen, sigma), 1e-6)
        return np.asarray(ndimage.gaussian_filter(values * seen, sigma) / weight)

    shades = blur(pixels, _GRAIN)
    rest = (pixels - shades) * seen
    strength = np.sqrt(blur(rest * rest, 3 * _GRAIN))
    return shades, strength, rest / np.maximum(strength, 1e-4)


def _span(values: GreyImage, hole: PixelMask) -> GreyImage:
    """Bridge the hole along straight lines; those whose two ends agree best count most.

    So an edge that runs under a letter (skin, clavicle, collimator) runs on behind it.
    """
    # A rim of NaN stops every line at the border of the image.
    around, open_ = np.pad(values, 1, constant_values=np.nan), np.pad(hole, 1)
    total = weights = np.zeros(int(hole.sum()))
    for angle in np.arange(_N_LINES) * (np.pi / _N_LINES):
        step = np.array([np.sin(angle), np.cos(angle)])
        (one, near), (two, far) = (_walk(around, open_, way) for way in (step, -step))
        # A line that leaves the image has one end only; it counts where there is nothing better.
        is_cut = np.isnan(one) | np.isnan(two)
        one, two = np.where(np.isnan(one), two, one), np.where(np.isnan(two), one, two)
        apart = np.where(is_cut, _UNKNOWN, np.abs(one - two))
        weight = np.where(np.isnan(one), 0, 1 / (near * far * (_AGREEMENT + apart) ** 4))
        total = total + weight * np.nan_to_num((one * far + two * near) / (near + far))
        weights = weights + weight
    spanned = values.copy()
    spanned[hole] = total / np.maximum(weights, 1e-12)
    return spanned


def _walk(
    values: GreyImage, hole: PixelMask, step: Float64[np.ndarray, " 2"]
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Go from each pixel of the hole until it ends; give the value there, and how far it is."""
    starts = np.flatnonzero(hole)
    is_hole, flat = hole.ravel(), values.ravel()
    found, distance = np.zeros(len(starts)), np.zeros(len(starts))
    walking, length = np.arange(len(starts)), 0
    while walking.size > 0:
        length += 1
        down, right = np.rint(length * step).astype(np.int64)
        at = starts[walking] + down * hole.shape[1] + right
        goes_on = is_hole[at]
        ended = walking[~goes_on]
        found[ended], distance[ended] = flat[at[~goes_on]], length
        walking = walking[goes_on]
    return found, distance


def _borrow(
    grain: GreyImage, mask: PixelMask, box: tuple[slice, ...]
) -> Float32[np.ndarray, "rows cols"]:
    """Take the grain of the nearest equal box with the least to fill in itself."""
    height, width = (side.stop - side.start for side in box)
    best, least = np.zeros((height, width), np.float32), np.inf
    for down, right in ((0, -width), (0, width), (-height, 0), (height, 0)):
        top, left = box[0].start + down, box[1].start + right
        there = (slice(top, top + height), slice(left, left + width))
        if top < 0 or left < 0 or grain[there].shape != (height, width):
            continue
        missing = float(mask[there].mean())
        if missing < least:
            best, least = grain[there], missing
    return best
