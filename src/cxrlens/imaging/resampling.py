"""An image is resampled as two products with sparse matrices, one a side.

SPDX-License-Identifier: Apache-2.0

The same weights as Pillow's, a third of its time: rows are added to rows, whole ones at a time.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Shaped
from scipy.sparse import csr_array

_KEPT = 64
"""Matrices that are kept: images of one collection are often of few sizes."""

Weights = csr_array
"""Pixels of the result x pixels of the source, along one side; rows add up to 1."""


def resample(
    pixels: Shaped[np.ndarray, "h w"], down: Weights, across: Weights
) -> Float32[np.ndarray, "rows cols"]:
    """Weigh the pixels of an image.

    Args:
        pixels: height x width, of any numbers.
        down: rows x height.
        across: columns x width.

    Returns:
        Rows x columns, in the units of `pixels`.

    Example:
        >>> halve = weigh_boxes(4, 4, 2)
        >>> resample(np.eye(4), halve, halve).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    rows = down @ pixels.astype(np.float32, copy=False)
    return np.ascontiguousarray((across @ rows.T).T)


@lru_cache(maxsize=_KEPT)
def weigh_triangles(n: int, n_out: int, start: float, length: float) -> Weights:
    """Resample bilinearly, antialiased: by a triangle as wide as a pixel of the result.

    Where that is narrower than a pixel of the source, the triangle is as wide as the latter.

    Args:
        n: pixels of the source.
        n_out: pixels of the result.
        start: where the part of the source that fills the result begins, in its pixels.
        length: of that part; what lies beyond it in the source still counts at its ends.

    Returns:
        The weights.

    Source:
        Pillow's `ImagingResample` with its bilinear filter.
    """
    step = length / n_out
    reach = max(step, 1.0)
    centres = start + (np.arange(n_out) + 0.5) * step
    first = np.maximum(np.floor(centres - reach + 0.5), 0).astype(np.int32)
    near = first[:, None] + np.arange(int(np.ceil(2 * reach)) + 1, dtype=np.int32)
    weights = np.maximum(1 - np.abs(near + 0.5 - centres[:, None]) / reach, 0)
    weights[near >= n] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    ends = np.arange(n_out + 1, dtype=np.int32) * near.shape[1]
    found = weights.astype(np.float32).ravel(), np.minimum(near, n - 1).ravel(), ends
    return csr_array(found, shape=(n_out, n))


@lru_cache(maxsize=_KEPT)
def weigh_boxes(n: int, n_own: int, step: int, factor: int = 1, start: float = 0.0) -> Weights:
    """Give the means of so many pixels of an image's own, of which fewer were decoded.

    Args:
        n: decoded pixels.
        n_own: pixels of the image's own.
        step: own pixels of a mean.
        factor: own pixels along one side of a decoded one.
        start: where the image begins, in decoded pixels.

    Returns:
        ceil(`n_own` / `step`) x `n`; the last mean is of what is left.
    """
    edges = np.minimum(np.arange(-(-n_own // step) + 1) * step, n_own) / factor + start
    first, last = np.floor(edges[:-1]).astype(np.int64), np.ceil(edges[1:]).astype(np.int64)
    count = last - first
    ends = np.cumsum(count)
    row = np.repeat(np.arange(len(count)), count)
    col = np.arange(ends[-1]) + np.repeat(first - (ends - count), count)
    low, high = edges[row], edges[row + 1]
    covered = (np.minimum(high, col + 1) - np.maximum(low, col)) / (high - low)
    return csr_array((covered.astype(np.float32), col, np.append(0, ends)), (len(count), n))
