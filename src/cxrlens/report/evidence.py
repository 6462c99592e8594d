"""A heat-map meets the radiograph that it was made from.

SPDX-License-Identifier: Apache-2.0
"""

import matplotlib
import numpy as np

from cxrlens.imaging import DEFAULT_COLOURS, outline, overlay
from cxrlens.vocabulary import (
    ColourBytes,
    GreyImage,
    Heatmap,
    InputError,
    PixelMask,
    Prediction,
)

LESION_RGB = (0, 229, 255)
"""Cyan: no colour of the default heat is near it, and no tissue is."""

CONTOUR_RGB = (255, 176, 0)
"""Amber, of regions: bright on lungs, and told from `LESION_RGB` with any colour vision.

Source: IBM Design Library, colour-blind safe palette.
"""

_BLACK = (0, 0, 0)

_THUMBNAIL_SIDE = 300

_SIGNED_COLOURS = "PuOr_r"
"""Purple against, orange for: two hues that no common colour blindness takes for each other.

Source: Harrower and Brewer, ColorBrewer.org, The Cartographic Journal 2003;40:27-37.
"""

_SIGNED_ALPHA = 0.65
"""Opacity of the strongest evidence, either way."""


def find_map(prediction: Prediction, class_name: str | None) -> Heatmap | None:
    """Give the map of one class.

    Args:
        prediction: what the machine says about one image.
        class_name: the class that the evidence is for; None where there is no decision.

    Returns:
        The map; None where there is none.
    """
    return next((m for m in prediction.heatmaps if m.class_name == class_name), None)


def find_evidence(prediction: Prediction) -> Heatmap | None:
    """Give the map of what was decided.

    Args:
        prediction: what the machine says about one image.

    Returns:
        The map; None where the image was refused or there are no maps.
    """
    is_there = prediction.refusal is None and len(prediction.heatmaps) > 0
    return prediction.heatmap if is_there else None


def has_evidence(heatmap: Heatmap) -> bool:
    """Tell whether an overlay of this map shows anything: it is usable and somewhere positive."""
    return heatmap.is_usable and bool(heatmap.grid.max() > 0)


def draw_evidence(
    pixels: GreyImage, heatmap: Heatmap, *, colours: str = DEFAULT_COLOURS, alpha: float = 0.5
) -> ColourBytes:
    """Draw a map's positive evidence over its source image.

    Args:
        pixels: the source image, height x width in [0, 1].
        heatmap: a map of that image.
        colours: one of `imaging.COLOURS`.
        alpha: opacity of the strongest evidence, in [0, 1].

    Returns:
        Height x width x RGB of the source image; the bare image where `has_evidence` is False.

    Raises:
        InputError: if the map belongs to an image of another size, or the colours are not known.
    """
    check_map(pixels, heatmap)
    heat = heatmap.on_source() if has_evidence(heatmap) else np.zeros_like(pixels)
    return overlay(pixels, heat, colours=colours, alpha=alpha)


def draw_contours(pixels: GreyImage, regions: PixelMask) -> ColourBytes:
    """Draw lines around regions, so that nothing inside them is hidden.

    Args:
        pixels: the source image, height x width in [0, 1].
        regions: the same pixels, True inside; none where nothing speaks for the class.

    Returns:
        Height x width x RGB: `CONTOUR_RGB` just outside of the regions, with a black edge against
        bones and white labels.
    """
    width = _choose_width(regions)
    edged = outline(to_colour(pixels), regions, _BLACK, 2 * width)
    return outline(edged, regions, CONTOUR_RGB, width)


def draw_signed(pixels: GreyImage, heatmap: Heatmap) -> ColourBytes:
    """Draw what speaks for the class and what speaks against it, on one scale.

    Args:
        pixels: the source image, height x width in [0, 1].
        heatmap: a map of that image.

    Returns:
        Height x width x RGB of the source image: orange for, purple against, and both full at the
        largest value either way; the bare image where the map says nothing.

    Raises:
        InputError: if the map belongs to an image of another size.
    """
    check_map(pixels, heatmap)
    if not heatmap.is_usable:
        return to_colour(pixels)
    heat = np.nan_to_num(heatmap.on_source(), nan=0.0)
    return tint(pixels, heat, float(np.abs(heat).max()))


def tint(pixels: GreyImage, heat: GreyImage, strongest: float) -> ColourBytes:
    """Lay signed evidence over an image: the stronger either way, the less transparent.

    Args:
        pixels: the source image, height x width in [0, 1].
        heat: signed, on the same pixels, finite.
        strongest: the value, either way, that gets the full colour; 0 leaves the bare image.

    Returns:
        Height x width x RGB; orange speaks for the class, purple against it.
    """
    share = heat / strongest if strongest > 0 else np.zeros_like(heat)
    colours = matplotlib.colormaps[_SIGNED_COLOURS]((share + 1) / 2)[:, :, :3] * 255
    opacity = _SIGNED_ALPHA * np.abs(share)[:, :, None]
    mixed = to_colour(pixels) * (1 - opacity) + colours * opacity
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def check_map(pixels: GreyImage, heatmap: Heatmap) -> None:
    """Check that a map belongs to an image.

    Raises:
        InputError: if it was made from one of another size.
    """
    if pixels.shape != heatmap.geometry.source_size:
        raise InputError(
            f"the map belongs to an image of {heatmap.geometry.source_size} pixels; got one of "
            f"{pixels.shape}: hand in the source image"
        )


def draw_lesion(image: ColourBytes, mask: PixelMask) -> ColourBytes:
    """Draw the contour of the true lesion, thick enough to survive a thumbnail.

    Args:
        image: height x width x RGB.
        mask: the same pixels, True inside the lesion.

    Returns:
        A copy with the contour in `LESION_RGB`.
    """
    return outline(image, mask, LESION_RGB, _choose_width(mask))


def _choose_width(mask: PixelMask) -> int:
    """Of a line that survives a thumbnail, in pixels."""
    return max(1, round(float(max(mask.shape)) / _THUMBNAIL_SIDE))


def to_colour(pixels: GreyImage) -> ColourBytes:
    """Turn grey into RGB.

    Args:
        pixels: height x width in [0, 1].

    Returns:
        Height x width x RGB in 0…255.
    """
    grey = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
