"""Where a pair of lungs fits best: every place and size is tried on a very small image.

SPDX-License-Identifier: Apache-2.0
"""

from functools import cache

import numpy as np
from jaxtyping import Complex64, Float32
from scipy import fft, ndimage

from cxrlens.imaging.lung_shape import IS_HEART, LungBoxes, fill, place_pair, trace
from cxrlens.vocabulary import GreyImage

SIDE = 48
"""Rows and columns of the image in which lungs are placed."""

_MARGIN = 12
"""Pixels around it, since lungs may be cut by the border of the image."""

_WIDTHS = np.linspace(0.56, 1.0, 7)
_HEIGHTS = np.linspace(0.5, 1.0, 7)
"""Of both lungs together, as shares of the image. Source: their range in 101 masks of 61 patients
(0.59…0.99 and 0.54…0.99)."""

_USUAL_WIDTH, _WIDTH_SPREAD = 0.83, 0.10
_USUAL_HEIGHT, _HEIGHT_SPREAD = 0.74, 0.11
"""Mean and standard deviation of both in the same masks."""

_TRUST_IN_SIZE = 0.01
"""Price of one squared standard deviation, in units of the correlation: without it the air beside
the arms is taken for lung now and then, with 0.02 small lungs are drawn too large."""

_MIDDLE_X = (0.4, 0.6)
_MIDDLE_Y = (0.3, 0.64)
"""Where their middle may lie. Source: as above (0.43…0.60 and 0.33…0.61)."""

_WALL = 0.06
"""Thickness of the bright surroundings that are looked for: chest wall, mediastinum and
diaphragm, as a share of the image's side."""


def place_lungs(small: GreyImage) -> tuple[LungBoxes, float]:
    """Find the place and size at which the lungs are darkest against their surroundings.

    Args:
        small: the image stretched to `SIDE` x `SIDE`, contrast made even (`even_out`).

    Returns:
        The boxes, and the correlation of the template with the image, in [-1, 1].
    """
    padded = np.pad(small, _MARGIN)
    spectrum = fft.rfft2(padded) * _make_templates()
    scores = fft.irfft2(spectrum, s=padded.shape)
    x, y = _list_shifts(_MIDDLE_X), _list_shifts(_MIDDLE_Y)
    near = scores[:, y[:, None], x[None]]  # a negative shift counts from the end, as it should
    near = near / max(float(np.linalg.norm(small)), 1e-6)
    width, height = (side.ravel() for side in np.meshgrid(_WIDTHS, _HEIGHTS, indexing="ij"))
    unusual = ((width - _USUAL_WIDTH) / _WIDTH_SPREAD) ** 2
    unusual += ((height - _USUAL_HEIGHT) / _HEIGHT_SPREAD) ** 2
    worth = near - _TRUST_IN_SIZE * unusual[:, None, None]
    best, i, j = np.unravel_index(int(worth.argmax()), worth.shape)
    middle = (0.5 + x[j] / SIDE, 0.5 + y[i] / SIDE)
    return place_pair(middle, width[best], height[best]), float(near[best, i, j])


def _list_shifts(limits: tuple[float, float]) -> np.ndarray:
    low, high = (round((limit - 0.5) * SIDE) for limit in limits)
    return np.arange(low, high + 1)


@cache
def _make_templates() -> Complex64[np.ndarray, "k rows cols"]:
    """The conjugate spectra of all templates."""
    templates = [_draw_template(width, height) for width in _WIDTHS for height in _HEIGHTS]
    return np.asarray(np.conj(fft.rfft2(np.stack(templates))), np.complex64)


def _draw_template(width: float, height: float) -> Float32[np.ndarray, "rows cols"]:
    """Negative in the lungs but for the heart, positive around them; of length 1."""
    whole, fine = SIDE + 2 * _MARGIN, 4
    outlines = (trace(place_pair((0.5, 0.5), width, height)) * SIDE + _MARGIN) / whole
    inside = fill(outlines, (whole * fine, whole * fine))
    heart = fill(np.where(IS_HEART[..., None], outlines, outlines[1, IS_HEART[1]][0]), inside.shape)
    lungs = inside & ~heart
    distance = ndimage.distance_transform_edt(~inside) / (fine * SIDE)
    wall = (distance > 0) & (distance < _WALL)
    template = wall / wall.sum() - lungs / lungs.sum()
    template = template.reshape(whole, fine, whole, fine).sum(axis=(1, 3))
    return np.asarray(template / np.linalg.norm(template), np.float32)
