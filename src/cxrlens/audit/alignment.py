"""Pairs of small images are laid over each other, by shift and scale, and compared.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

Pictures = Float32[np.ndarray, "n side side"]
"""Small square images."""

Warps = Float32[np.ndarray, "n 4"]
"""Growth and shift along rows, then along columns: a place u in [-1, 1] of the second image is
u (1 + growth) + shift of the first."""

_REACH = 0.25
"""Largest growth and shift."""

_STEPS_COARSE, _STEPS_FINE = 6, 4
"""Gauss–Newton steps at half and at whole size."""

_HOPELESS = 0.6
"""Pairs that correlate by less at half size are not looked at again: copies reach 0.9."""


def even_out(squares: Pictures, sigma: float = 4.0) -> Pictures:
    """Subtract the local mean and divide by the local standard deviation.

    What is left is edges and texture: all chests share the rest, and brightness and contrast
    have no part in it.

    Args:
        squares: in [0, 1].
        sigma: of the Gaussian neighbourhood, in pixels.
    """
    around = (0, sigma, sigma)
    rest = squares - ndimage.gaussian_filter(squares, around, mode="nearest")
    spread = np.sqrt(ndimage.gaussian_filter(rest * rest, around, mode="nearest"))
    floor = 0.5 * spread.mean(axis=(1, 2), keepdims=True) + 1e-3
    return np.asarray(rest / (spread + floor), dtype=np.float32)


def correlate_aligned(first: Pictures, second: Pictures) -> Float32[np.ndarray, " n"]:
    """Align each first image to its second by shift and scale, and correlate what overlaps.

    Args:
        first: evened out (`even_out`), of an even side.
        second: as many.

    Returns:
        Normalised correlations, in [-1, 1]; of pairs without hope those at half size.

    Source:
        Lucas and Kanade, IJCAI 1981 (image registration by gradients); the mean of both gradients:
        Benhimane and Malis, IROS 2004.
    """
    warps = np.zeros((len(first), 4), dtype=np.float32)
    halves = _halve(first), _halve(second)
    warps = _align(*halves, warps, _STEPS_COARSE)
    result = _correlate(*_move(halves[0], warps), halves[1])
    rows = np.flatnonzero(result >= _HOPELESS)
    if rows.size:
        own, other = first[rows], second[rows]
        fine = _align(own, other, warps[rows], _STEPS_FINE)
        result[rows] = _correlate(*_move(own, fine), other)
    return result


def crop_middle(pictures: Pictures, share: float) -> Pictures:
    """Enlarge the middle so that a share of each side is cut off at either end."""
    growth = np.float32(-2 * share)
    warps = np.tile(np.array([growth, 0, growth, 0], dtype=np.float32), (len(pictures), 1))
    return _move(pictures, warps)[0]


def _halve(pictures: Pictures) -> Pictures:
    n, side, _ = pictures.shape
    small = pictures.reshape(n, side // 2, 2, side // 2, 2).mean(axis=(2, 4))
    return np.asarray(ndimage.gaussian_filter(small, (0, 1, 1)), dtype=np.float32)


def _move(pictures: Pictures, warps: Warps) -> tuple[Pictures, Bool[np.ndarray, "n side side"]]:
    """Each picture as it looks in the other's frame, and where it has pixels."""
    side = pictures.shape[1]
    u = _list_places(side)
    places = [
        ((1 + warps[:, axis : axis + 1]) * u + warps[:, axis + 1 : axis + 2] + 1) / 2 * side - 0.5
        for axis in (0, 2)
    ]
    rows_in, cols_in = ((place >= 0) & (place <= side - 1) for place in places)
    (low_y, part_y), (low_x, part_x) = (_split(place, side) for place in places)
    above = np.take_along_axis(pictures, low_y[:, :, None], 1)
    below = np.take_along_axis(pictures, low_y[:, :, None] + 1, 1)
    rows = above + (below - above) * part_y[:, :, None]
    left = np.take_along_axis(rows, low_x[:, None, :], 2)
    right = np.take_along_axis(rows, low_x[:, None, :] + 1, 2)
    moved = left + (right - left) * part_x[:, None, :]
    return moved, rows_in[:, :, None] & cols_in[:, None, :]


def _list_places(side: int) -> Float32[np.ndarray, " side"]:
    return ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1).astype(np.float32)


def _split(places: Float32[np.ndarray, "n side"], side: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixel below each place, and how far beyond it the place lies."""
    inside = np.clip(places, 0, side - 1.001)
    low = inside.astype(np.int64)
    return low, (inside - low).astype(np.float32)


def _align(first: Pictures, second: Pictures, warps: Warps, steps: int) -> Warps:
    side = first.shape[1]
    u = _list_places(side)
    scale = np.float32(side / 2)
    for _ in range(steps):
        moved, inside = _move(first, warps)
        mean = (moved + second) / 2
        down = np.gradient(mean, axis=1) * scale * inside
        along = np.gradient(mean, axis=2) * scale * inside
        slopes = np.stack(
            [down * u[None, :, None], down, along * u[None, None, :], along], axis=1
        ).reshape(len(first), 4, -1)
        rest = ((second - moved) * inside).reshape(len(first), -1, 1)
        square = slopes @ slopes.transpose(0, 2, 1)
        damping = 1e-3 * np.trace(square, axis1=1, axis2=2) / 4 + 1e-6
        square += np.eye(4, dtype=np.float32) * damping[:, None, None].astype(np.float32)
        step = np.linalg.solve(square, slopes @ rest)[..., 0]
        warps = np.clip(warps + np.clip(step, -0.1, 0.1), -_REACH, _REACH).astype(np.float32)
    return warps


def _correlate(
    one: Pictures, inside: Bool[np.ndarray, "n side side"], other: Pictures
) -> Float32[np.ndarray, " n"]:
    """Normalised correlation over the pixels that both have."""
    weight = inside.astype(np.float32)
    count = weight.sum(axis=(1, 2), keepdims=True) + 1e-6
    one, other = (
        (p - (p * weight).sum(axis=(1, 2), keepdims=True) / count) * weight for p in (one, other)
    )
    power = np.sqrt((one * one).sum(axis=(1, 2)) * (other * other).sum(axis=(1, 2)))
    return np.asarray((one * other).sum(axis=(1, 2)) / (power + 1e-9), dtype=np.float32)
