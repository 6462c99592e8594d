"""One heat-map against the mask of the thing it should show.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cxrlens.vocabulary import Heatmap, InputError, PixelMask

POINTING_TOLERANCE = 15.0
"""Pixels by which the strongest point may miss the mask, on an image of 224 x 224.

Source: Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018;126:1084-1102
(the pointing game's tolerance of 15 pixels), taken at our common size.
"""

POINTING_SIZE = 224
"""Height and width, in pixels, at which the tolerance is meant."""

HEAT_SHARES = tuple(step / 20 for step in range(1, 20))
"""Shares of a map's maximum at which it is cut: 0.05, 0.10, … 0.95."""

HALF = HEAT_SHARES.index(0.5)
"""The place of half of the maximum among them."""


@dataclass(frozen=True)
class MapScore:
    """Whether one map points at the thing."""

    hit: bool
    """Whether the strongest point lies inside the mask."""

    pointing: bool
    """Whether it lies inside or within 15 px of the mask, at 224 px."""

    heat_inside: float
    """Share of the positive heat that lies inside the mask, in [0, 1]."""

    iou: float
    """Intersection over union of the mask and the map at half its maximum, in [0, 1]."""

    mask_share: float
    """Share of the image that the mask covers, in (0, 1]."""

    average_precision: float
    """Of the pixels ranked by their heat, those of the mask taken as positive, in (0, 1]; a map
    that says nothing reaches `mask_share`."""

    ious: tuple[float, ...]
    """Intersection over union at each of `HEAT_SHARES` of the map's maximum."""

    is_empty: bool = False
    """Whether the map says nothing: not finite, the same everywhere, or nowhere positive."""


def score_heatmap(heatmap: Heatmap, mask: PixelMask) -> MapScore:
    """Score a heat-map against a mask, on the source pixels.

    A map that says nothing (not finite, the same everywhere, without positive heat on the image)
    is a miss with zeros, so that no method gains by its failures. Pixels that the network never
    saw have no heat. The strongest point is the centre of the strongest cell (of equally strong
    ones the middle one, `Heatmap.peak`), at the nearest source pixel.

    Args:
        heatmap: the map of the class that the mask shows.
        mask: height x width of the source image; at least one pixel is True.

    Returns:
        The score.

    Raises:
        InputError: if the mask has another size than the source image, or is empty.

    Source:
        Pointing game: Zhang et al., IJCV 2018;126:1084-1102. Hit rate and intersection over
        union of radiographs' maps: Saporta et al., Nature Machine Intelligence 2022;4:867-878.
        Average precision over pixels: Choe et al., CVPR 2020 (PxAP), here of a single image.

    Example:
        >>> import numpy as np
        >>> from cxrlens.vocabulary import Geometry, Heatmap
        >>> whole = Geometry((8, 8), (8, 8), 0.0, 0.0, 8.0, 8.0)
        >>> grid = np.zeros((2, 2), dtype=np.float32)
        >>> grid[0, 0] = 1.0
        >>> mask = np.zeros((8, 8), dtype=bool)
        >>> mask[:4, :4] = True
        >>> score_heatmap(Heatmap(grid, whole, "pneumonia", "cam"), mask).hit
        True
    """
    _check_mask(heatmap, mask)
    mask_share = float(mask.mean())
    heat = _find_positive_heat(heatmap)
    precision = _rank_pixels(heatmap, mask)
    if not heat.any():
        nothing = (0.0,) * len(HEAT_SHARES)
        return MapScore(False, False, 0.0, 0.0, mask_share, precision, nothing, is_empty=True)
    row, col = _find_peak_pixel(heatmap)
    ious = _cut(heat, mask)
    return MapScore(
        hit=bool(mask[row, col]),
        pointing=_measure_distance(mask, row, col) <= POINTING_TOLERANCE,
        heat_inside=min(float(heat[mask].sum() / heat.sum()), 1.0),
        iou=ious[HALF],
        mask_share=mask_share,
        average_precision=precision,
        ious=ious,
    )


def _cut(heat: Float64[np.ndarray, "h w"], mask: PixelMask) -> tuple[float, ...]:
    """Intersection over union at every share, from the pixels that reach it."""
    level = np.searchsorted(HEAT_SHARES, heat, side="right")
    levels = len(HEAT_SHARES) + 1
    inside, everywhere = (
        np.bincount(one, minlength=levels)[::-1].cumsum()[::-1][1:]
        for one in (level[mask], level.ravel())
    )
    return tuple((inside / (mask.sum() + everywhere - inside)).tolist())


def _rank_pixels(heatmap: Heatmap, mask: PixelMask) -> float:
    """Average precision of the mask's pixels; those that the network never saw come last."""
    if not heatmap.is_usable:
        return float(mask.mean())
    heat = heatmap.on_source().ravel()
    heat = np.where(np.isnan(heat), -np.inf, heat)
    order = np.argsort(-heat, kind="stable")
    ranked, found = heat[order], np.cumsum(mask.ravel()[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    gained = np.diff(found[last], prepend=0)
    return min(float((gained * found[last] / (last + 1)).sum() / found[-1]), 1.0)


def _check_mask(heatmap: Heatmap, mask: PixelMask) -> None:
    size = heatmap.geometry.source_size
    if mask.shape != size:
        raise InputError(
            f"a mask must have the size of the source image; got a mask of {mask.shape} for a "
            f"heat-map of {heatmap.class_name!r} on {size}. Draw the mask on the source pixels."
        )
    if not mask.any():
        raise InputError(
            f"a mask must hold at least one pixel; got an empty one of {size} for a heat-map of "
            f"{heatmap.class_name!r}. Leave out images without a mask."
        )


def _find_positive_heat(heatmap: Heatmap) -> Float64[np.ndarray, "h w"]:
    """The evidence for the class on the source pixels: at least 0, largest 1; all 0 if none."""
    if not heatmap.is_usable:
        return np.zeros(heatmap.geometry.source_size)
    seen = np.nan_to_num(heatmap.on_source().astype(np.float64), nan=0.0)
    heat = np.clip(seen, 0.0, None)
    return np.asarray(heat / heat.max()) if heat.any() else heat


def _find_peak_pixel(heatmap: Heatmap) -> tuple[int, int]:
    """The source pixel nearest to the centre of the strongest cell."""
    nearest = np.floor(np.array(heatmap.peak) + 0.5).astype(int)
    row, col = np.clip(nearest, 0, np.array(heatmap.geometry.source_size) - 1)
    return int(row), int(col)


def _measure_distance(mask: PixelMask, row: int, col: int) -> float:
    """The distance from a pixel to the nearest pixel of the mask, in pixels at 224 x 224."""
    inside = np.argwhere(mask) - (row, col)
    steps = inside * (POINTING_SIZE / np.array(mask.shape))
    return float(np.hypot(steps[:, 0], steps[:, 1]).min())
