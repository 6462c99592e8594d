"""The plane that phantoms are drawn on: its coordinates, soft edges and noise.

SPDX-License-Identifier: Apache-2.0

Coordinates: x runs to the viewer's right and y downwards, both from -1 to 1 over the image, so
that one pixel is 2/256. Everything is float64; no matrix product is taken, since a BLAS may sum
in another order on another machine.
"""

import hashlib

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

SIZE = 256
"""Rows and columns of a phantom in pixels."""

PIXEL = 2 / SIZE
"""Width of a pixel in the units of the plane."""

Plane = Float64[np.ndarray, "h w"]
"""One number a pixel, row 0 at the top."""

Rows = Float64[np.ndarray, "h 1"]
"""One number a row."""

Columns = Float64[np.ndarray, "1 w"]
"""One number a column."""


def open_stream(*names: object) -> np.random.RandomState:
    """Give the random stream of a name, always the same one and independent of all others.

    `RandomState` is used since NumPy promises that its streams never change (NEP 19).

    Args:
        names: what the stream is for, such as a seed, a patient's number and a part of the body.

    Example:
        >>> open_stream(0, "ribs").random_sample() == open_stream(0, "ribs").random_sample()
        True
    """
    key = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.RandomState(np.frombuffer(key, dtype="<u4").astype(np.int64))


def round_edge(distance: Plane, reach: float) -> Plane:
    """Give the relative thickness of a body with a round rim.

    Args:
        distance: from the rim inwards, in units of the plane; negative is outside.
        reach: distance at which the full thickness is reached.

    Returns:
        0 outside to 1 from `reach` on, along a quarter of a circle.
    """
    part = np.clip(distance / reach, 0, 1)
    return np.asarray(np.sqrt(part * (2 - part)))


def soften(value: Plane) -> Plane:
    """Step smoothly from 0 (at and below 0) to 1 (at and above 1)."""
    part = np.clip(value, 0, 1)
    return np.asarray(part * part * (3 - 2 * part))


def blur(plane: Plane, sigma: float) -> Plane:
    """Blur by a Gaussian of `sigma` pixels."""
    return np.asarray(ndimage.gaussian_filter(plane, sigma, truncate=3.0))


def make_noise(stream: np.random.RandomState, cell: int) -> Plane:
    """Draw smooth noise of mean 0 and standard deviation near 1.

    Args:
        stream: where the randomness comes from.
        cell: width of its blobs in pixels; a divisor of 256.
    """
    coarse = stream.standard_normal((SIZE // cell, SIZE // cell))
    return 1.5 * upsample(coarse, cell)


def upsample(coarse: Float64[np.ndarray, "rows cols"], cell: int) -> Plane:
    """Enlarge by a whole factor, smoothly (linear between cell centres)."""
    plane = np.repeat(np.repeat(coarse, cell, axis=0), cell, axis=1)
    for axis in (0, 1):
        plane = ndimage.uniform_filter1d(plane, cell, axis=axis, mode="nearest")
    return np.asarray(plane)
