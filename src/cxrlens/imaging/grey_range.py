"""Stored numbers become grey in [0, 1].

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Shaped

from cxrlens.vocabulary import GreyImage, ImageRefused, ImageWarning

RANGES = (255, 1023, 4095, 16383, 65535)
"""White of 8, 10, 12, 14 and 16 bits: what detectors and scanners give."""

_ROUNDING = 1e-3
"""Resampling makes values leave [0, 1] by so much; they are taken as the nearer end."""


_MAX_NUMBER = 1e30
"""What is beyond is no grey, and too large to reckon with."""


def find_white(top: float) -> int:
    """Give the white of the least number of bits that can hold a value.

    A file of 16 bits seldom says how many of them its detector filled. The largest pixel does, up
    to a factor of four in brightness: in a radiograph something is nearly always more than a
    quarter as bright as white. Steps of two bits keep the images of one detector together, whose
    largest pixels differ.

    Args:
        top: the largest value, up to 65,535.

    Returns:
        One of `RANGES`.

    Example:
        >>> [find_white(top) for top in (200.0, 256.0, 4000.0, 26479.0)]
        [255, 1023, 4095, 65535]
    """
    return next(white for white in RANGES if top <= white)


def scale_pixels(
    name: str, pixels: Shaped[np.ndarray, "h w"], white: int | None = None
) -> tuple[GreyImage, tuple[ImageWarning, ...]]:
    """Bring pixels of any number type to [0, 1].

    Bytes are divided by 255; larger whole numbers by the white that `find_white` gives them.
    Fractions stand as they are where all lie in [0, 1], and are divided by 255 where all lie in
    [0, 255]. All else (negative numbers, larger ones) is spread so that the smallest becomes black
    and the largest white, with a warning: how bright such an image is means nothing then.

    Args:
        name: the file as messages call it.
        pixels: any whole or floating numbers.
        white: what is white, where more is known than these pixels; used if none is larger.

    Returns:
        The grey, and the warning `range-guessed` where there is one.

    Raises:
        ImageRefused: `undecodable` if a number is not finite, or beyond all reason.
    """
    if pixels.dtype == np.uint8:
        return _divide(pixels, 255), ()
    low, top = float(pixels.min()), float(pixels.max())
    if not max(-low, top) < _MAX_NUMBER:
        raise ImageRefused(
            "undecodable",
            f"{name} holds pixels that are no number, or none that can be grey ({low:g} to "
            f"{top:g}): export it again",
        )
    known = _find_range(pixels.dtype, low, top)
    if known is not None:
        return _divide(pixels, white if white is not None and top <= white else known), ()
    message = (
        f"{name} holds numbers from {low:g} to {top:g}, a range that no detector has: the smallest "
        "was taken as black and the largest as white; export it as unsigned 8 or 16 bits"
    )
    spread = pixels.astype(np.float32)
    spread -= np.float32(low)
    spread /= np.float32((top - low) or 1)
    return np.clip(spread, 0, 1, out=spread), (ImageWarning("range-guessed", message, top),)


def _find_range(dtype: np.dtype[np.generic], low: float, top: float) -> int | None:
    """What is white, or None where nobody can know."""
    if dtype.kind == "f":
        if low >= -_ROUNDING and top <= 1 + _ROUNDING:
            return 1
        return 255 if low >= 0 and top <= 255 else None
    return find_white(top) if low >= 0 and top <= RANGES[-1] else None


def _divide(pixels: Shaped[np.ndarray, "h w"], white: int) -> GreyImage:
    """One pass, no copy in between: large images must not need their memory twice."""
    grey: GreyImage = np.divide(pixels, np.float32(white), dtype=np.float32)
    return np.clip(grey, 0, 1, out=grey) if pixels.dtype.kind == "f" else grey
