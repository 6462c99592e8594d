"""Evidence is drawn over the pixels it stands for.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import UInt8

from cxrlens.imaging.colour import DEFAULT_COLOURS, colourise
from cxrlens.vocabulary import ColourBytes, GreyImage, PixelMask

_DIMMED = 0.5
"""Brightness left to pixels that the network never saw."""

_ROUNDING = 1e-6
"""Differences below this share of the maximum come from interpolating a constant map."""


def overlay(
    pixels: GreyImage, heat: GreyImage, *, colours: str = DEFAULT_COLOURS, alpha: float = 0.5
) -> ColourBytes:
    """Draw positive evidence over a radiograph, so that the radiograph stays readable.

    Heat is scaled by its own maximum, so two overlays say nothing about whose evidence is
    stronger. Opacity grows with heat, from 0 where there is none.

    Args:
        pixels: the source image, height x width in [0, 1].
        heat: signed evidence on the same pixels (`Heatmap.on_source()`); NaN where the network
            saw nothing.
        colours: one of `COLOURS`.
        alpha: opacity of the strongest heat, in [0, 1].

    Returns:
        Height x width x RGB in 0…255. Negative evidence is not drawn; unseen pixels are dimmed.
        Heat that says nothing (nowhere positive, infinite, everywhere the same) leaves the bare
        image: ask `Heatmap.is_usable` before calling it a map.

    Raises:
        InputError: if the colours are not known.

    Example:
        >>> import numpy as np
        >>> grey, heat = np.zeros((1, 2), np.float32), np.array([[-1, 2]], np.float32)
        >>> overlay(grey, heat, alpha=1.0).tolist()
        [[[0, 0, 0], [240, 249, 33]]]
    """
    grey = np.repeat(np.clip(pixels, 0, 1)[:, :, None] * 255, 3, axis=2)
    share = _scale_heat(heat)
    if share is None:
        return np.asarray(np.rint(grey), dtype=np.uint8)
    grey[np.isnan(heat)] *= _DIMMED
    opacity = alpha * share[:, :, None]
    mixed = grey * (1 - opacity) + colourise(share, colours) * opacity
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def layer(heat: GreyImage, *, colours: str = DEFAULT_COLOURS) -> UInt8[np.ndarray, "h w 4"]:
    """Draw positive evidence as a layer of its own, to be laid over the radiograph by a viewer.

    Args:
        heat: as for `overlay`.
        colours: one of `COLOURS`.

    Returns:
        Height x width x RGBA in 0…255, for blending without premultiplication: opacity grows with
        heat as in `overlay` at `alpha=1`; unseen pixels are half black. Heat that says nothing
        leaves it empty.

    Raises:
        InputError: if the colours are not known.
    """
    drawn = np.zeros((*heat.shape, 4), np.uint8)
    share = _scale_heat(heat)
    if share is None:
        return drawn
    drawn[:, :, :3] = colourise(share, colours)
    drawn[:, :, 3] = np.rint(share * 255)
    drawn[np.isnan(heat)] = (0, 0, 0, round(255 * (1 - _DIMMED)))
    return drawn


def outline(
    image: ColourBytes, mask: PixelMask, rgb: tuple[int, int, int], width: int = 1
) -> ColourBytes:
    """Draw the contour of a mask, just outside of it, so that nothing inside is hidden.

    Args:
        image: height x width x RGB.
        mask: height x width, True inside.
        rgb: the contour's colour, 0…255 each.
        width: of the line, in pixels.

    Returns:
        A copy of the image with the contour; the border of the image draws no line.

    Example:
        >>> import numpy as np
        >>> mask = np.array([[True, False, False]])
        >>> outline(np.zeros((1, 3, 3), np.uint8), mask, (9, 9, 9))[0, :, 0].tolist()
        [0, 9, 0]
    """
    grown = mask
    for _ in range(width):
        grown = _grow(grown)
    drawn = image.copy()
    drawn[grown & ~mask] = rgb
    return drawn


def _scale_heat(heat: GreyImage) -> GreyImage | None:
    """Positive heat as a share of its maximum, 0 where unseen; None where it says nothing."""
    seen = heat[~np.isnan(heat)]
    if seen.size == 0 or not np.isfinite(seen).all() or seen.max() <= 0:
        return None
    if np.ptp(seen) <= _ROUNDING * seen.max():
        return None
    return np.asarray(np.clip(np.nan_to_num(heat, nan=0.0), 0, None) / seen.max())


def _grow(mask: PixelMask) -> PixelMask:
    """The mask and its four neighbours."""
    padded = np.pad(mask, 1)
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.asarray(np.logical_or.reduce((mask, *sides)))
