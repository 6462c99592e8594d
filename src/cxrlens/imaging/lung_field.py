"""Where the lungs lie, found by the shape of a chest and by contrast alone.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from PIL import Image
from scipy import ndimage

from cxrlens.imaging.lung_border import fit_boxes, trace_border
from cxrlens.imaging.lung_placing import SIDE, place_lungs
from cxrlens.imaging.lung_shape import fill, find_normals
from cxrlens.vocabulary import GreyImage, PixelMask

_FINE_SIDE = 128
"""Rows and columns of the image in which borders are found."""

_OUTWARD = 0.008
"""By how much a drawn border lies outside of the steepest edge, as a share of the image: people
draw along the inner margin of the ribs. Measured on 101 masks of 61 patients."""


_BLACK = 0.1
"""Rows and columns nine tenths of which are darker than this share of the brightest grey show
nothing of the patient: bands around a narrow or turned exposure. Letters there do not matter."""

_LEAST_EXPOSED = 0.5
"""If less than this share of a side would be left, nothing is cut off."""

_EVEN_ODDS, _STEEPNESS = 0.18, 4.7
"""Of a logistic curve over the logarithm of correlation times edge, fitted to 280 upright
radiographs (children and adults, four sources) against the same ones turned or inverted."""


@dataclass(frozen=True, eq=False)
class LungField:
    """Where the lungs lie in one image."""

    mask: PixelMask
    """Height x width of the image, True in both lungs, with the part of the heart that lies over
    the left one."""

    confidence: float
    """How far the image looks like an upright chest with dark lungs, in [0, 1].

    It grows with the correlation of the placed lungs with the image, times the mean step from
    dark to bright across their border. 0.5 is where as many upright radiographs lie as ones that
    were turned by 90, 180 or 270 degrees or inverted on purpose: below it the mask is a guess. It
    says little about a border that consolidation hides."""


def find_lung_field(pixels: GreyImage) -> LungField:
    """Find both lungs of an upright frontal radiograph.

    Args:
        pixels: height x width in [0, 1], 0 is air (black).

    Returns:
        The lungs on the same pixels; there is always a mask, so look at the confidence.
    """
    exposed = _find_exposed(pixels)
    coarse = _even_out(_shrink(pixels, exposed, SIDE), SIDE / 6)
    boxes, fit = place_lungs(coarse)
    fine = _even_out(_shrink(pixels, exposed, _FINE_SIDE), _FINE_SIDE / 21)
    outlines, edge = trace_border(fine, fit_boxes(fine, boxes))
    outlines = outlines + _OUTWARD * find_normals(outlines)
    size = (pixels.shape[0], pixels.shape[1])
    left, top, right, bottom = exposed
    outlines = ((left, top) + outlines * (right - left, bottom - top)) / size[::-1]
    return LungField(fill(outlines, size), _judge(fit * edge if min(fit, edge) > 0 else 0.0))


def _judge(likeness: float) -> float:
    power = likeness**_STEEPNESS
    return float(power / (power + _EVEN_ODDS**_STEEPNESS))


def _find_exposed(pixels: GreyImage) -> tuple[float, float, float, float]:
    """Give left, top, right and bottom of the image without black bands along its sides."""
    rows, cols = pixels.shape
    small = _shrink(pixels, (0.0, 0.0, float(cols), float(rows)), _FINE_SIDE)
    black = _BLACK * np.percentile(small, 99)
    ends = []
    for axis, length in ((0, cols), (1, rows)):
        lit = np.flatnonzero(np.percentile(small, 90, axis=axis) > black)
        is_band = lit.size >= _LEAST_EXPOSED * _FINE_SIDE
        first, last = (lit[0], lit[-1] + 1) if is_band else (0, _FINE_SIDE)
        ends.append((first * length / _FINE_SIDE, last * length / _FINE_SIDE))
    (left, right), (top, bottom) = ends
    return float(left), float(top), float(right), float(bottom)


def _shrink(
    pixels: GreyImage, box: tuple[float, float, float, float], side: int
) -> Float32[np.ndarray, "side side"]:
    small = Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX, box=box)
    return np.asarray(small, dtype=np.float32)


def _even_out(grey: GreyImage, sigma: float) -> GreyImage:
    """Subtract the local mean and divide by the local standard deviation."""
    rest = grey - ndimage.gaussian_filter(grey, sigma, mode="nearest")
    spread = np.sqrt(ndimage.gaussian_filter(rest * rest, sigma, mode="nearest"))
    # Half the mean spread is added, so that noise in even places is not blown up.
    return np.asarray(rest / (spread + 0.5 * spread.mean() + 1e-3), dtype=np.float32)
