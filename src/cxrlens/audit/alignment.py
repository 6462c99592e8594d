"""Pairs of small images are laid over each other, by shift and scale, and compared.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage
from scipy.linalg import eigh

Pictures = Float32[np.ndarray, "n side side"]
"""Small square images."""

Warps = Float32[np.ndarray, "n 4"]
"""Growth and shift along rows, then along columns: a place u in [-1, 1] of the second image is
u (1 + growth) + shift of the first."""

_REACH = 0.25
"""Largest growth and shift."""

_STEPS_COARSE, _STEPS_FINE = 6, 4
"""Gauss–Newton steps at half and at whole size."""

_LEAST_ALIKE = 0.8
"""Pairs that correlate by less with all that they have are no copies: those reach 0.87."""

_HOPELESS = 0.35
"""Pairs that correlate by less at half size, what all share taken off, are not looked at again."""

_MOST_ASKED, _MOST_PARTS = 500, 20
"""Images that tell what all have in common, and components that are taken off."""


def even_out(squares: Pictures, sigma: float = 2.0) -> Pictures:
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


@dataclass(frozen=True, eq=False)
class Basis:
    """What pictures of one size have in common: nothing of it tells two of them apart."""

    mean: Pictures
    """One picture: the mean."""

    parts: Float32[np.ndarray, "parts pixels"]
    """The strongest principal components, orthonormal."""

    def take_off(self, pictures: Pictures) -> Pictures:
        """Subtract the mean and what the components hold."""
        flat = (pictures - self.mean).reshape(len(pictures), -1)
        return np.asarray((flat - (flat @ self.parts.T) @ self.parts).reshape(pictures.shape))


@dataclass(frozen=True, eq=False)
class Shared:
    """What the images of a collection have in common."""

    whole: Basis
    """At their size."""

    half: Basis
    """At half their size."""


def find_shared(pictures: Pictures) -> Shared:
    """Find what images have in common.

    Args:
        pictures: evened out; components are taken from `_MOST_ASKED` of them at most, evenly
            spaced.
    """
    asked = pictures[:: max(1, len(pictures) // _MOST_ASKED)]
    return Shared(_find_basis(asked), _find_basis(_halve(asked)))


def _find_basis(asked: Pictures) -> Basis:
    mean = asked.mean(axis=0, keepdims=True)
    flat = (asked - mean).reshape(len(asked), -1)
    n_parts = min(_MOST_PARTS, len(asked) // 10)
    if n_parts == 0:
        return Basis(mean, np.zeros((0, flat.shape[1]), dtype=np.float32))
    _, vectors = eigh(flat @ flat.T, subset_by_index=[len(flat) - n_parts, len(flat) - 1])
    parts = vectors.T @ flat
    parts /= np.linalg.norm(parts, axis=1, keepdims=True) + 1e-9
    return Basis(mean, parts.astype(np.float32))


def correlate_aligned(
    first: Pictures, second: Pictures, shared: Shared
) -> Float32[np.ndarray, " n"]:
    """Align each first image to its second by shift and scale, and correlate what sets them apart.

    Args:
        first: evened out (`even_out`), of an even side.
        second: as many.
        shared: what all images have in common; it is taken off after the alignment.

    Returns:
        Normalised correlations where both overlap, in [-1, 1]; -1 of pairs that are not alike at
        all.

    Source:
        Lucas and Kanade, IJCAI 1981 (image registration by gradients); the mean of both gradients:
        Benhimane and Malis, IROS 2004.
    """
    warps = np.zeros((len(first), 4), dtype=np.float32)
    halves = _halve(first), _halve(second)
    warps = _align(*halves, warps, _STEPS_COARSE)
    result = np.full(len(first), -1, dtype=np.float32)
    rows = np.flatnonzero(_compare(halves[0], halves[1], warps, shared.half) >= _HOPELESS)
    if rows.size:
        own, other = first[rows], second[rows]
        result[rows] = _compare(
            own, other, _align(own, other, warps[rows], _STEPS_FINE), shared.whole
        )
    return result


def _compare(
    first: Pictures, second: Pictures, warps: Warps, basis: Basis
) -> Float32[np.ndarray, " n"]:
    """Correlate what sets aligned pictures apart; -1 where they are not alike as they are."""
    moved, inside = _move(first, warps)
    apart = _correlate(basis.take_off(moved), inside, basis.take_off(second))
    is_alike = _correlate(moved, inside, second) >= _LEAST_ALIKE
    return np.where(is_alike, apart, np.float32(-1))


def crop_middle(pictures: Pictures, share: float) -> Pictures:
    """Enlarge the middle so that a share of each side is cut off at either end."""
    growth = np.float32(-2 * share)
    warps = np.tile(np.array([growth, 0, growth, 0], dtype=np.float32), (len(pictures), 1))
    return _move(pictures, warps)[0]


def _halve(pictures: Pictures) -> Float32[np.ndarray, "n half half"]:
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
