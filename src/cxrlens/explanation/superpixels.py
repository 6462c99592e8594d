"""An image is cut into pieces that can be hidden one by one.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from skimage.segmentation import quickshift, slic

from cxrlens.vocabulary import GreyImage, SegmentKind, Segments

_COMPACTNESS = 0.4
"""Of `slic`: the larger, the squarer. On radiographs, 0.1 gives ragged pieces that wind along
the ribs and 1 gives squares; 0.4 follows the borders of lungs and heart."""

_KERNEL_SIZE, _MAX_DISTANCE, _RATIO = 4, 200, 0.2
"""Of `quickshift`, in pixels and as a share: those of the `lime` package."""


def segment(pixels: GreyImage, kind: SegmentKind, n_segments: int) -> Segments:
    """Cut an image into pieces; the same image is always cut the same way.

    Args:
        pixels: height x width in [0, 1], at the network's input size.
        kind: `slic` and `quickshift` follow edges, `grid` cuts into rectangles.
        n_segments: about how many pieces are wanted, at least 1; `slic` may give somewhat fewer,
            `quickshift` as many as it finds: its reach is in pixels, so that it gives some 30 for
            a radiograph of 224 x 224 and 3 for one of 64 x 64.

    Returns:
        Height x width, 0…S-1; a single piece where all pixels are the same.

    Source: Achanta et al. 2012, "SLIC Superpixels"; Vedaldi and Soatto 2008, "Quick Shift and
    Kernel Methods for Mode Seeking".
    """
    if np.ptp(pixels) == 0:
        return np.zeros(pixels.shape, dtype=np.int64)
    if kind == "slic":
        found = slic(
            pixels,
            n_segments=n_segments,
            compactness=_COMPACTNESS,
            sigma=1.0,
            channel_axis=None,
            start_label=0,
        )
    elif kind == "quickshift":
        found = quickshift(  # type: ignore[no-untyped-call]
            np.repeat(pixels[:, :, None].astype(np.float64), 3, axis=2),
            kernel_size=_KERNEL_SIZE,
            max_dist=_MAX_DISTANCE,
            ratio=_RATIO,
            rng=0,
        )
    else:
        found = _cut_grid(pixels.shape, n_segments)
    _, numbers = np.unique(found, return_inverse=True)
    return numbers.reshape(pixels.shape).astype(np.int64)


def _cut_grid(size: tuple[int, ...], n_segments: int) -> Segments:
    """Rectangles as nearly square as their number allows."""
    height, width = size
    rows = min(height, max(1, round((n_segments * height / width) ** 0.5)))
    cols = min(width, max(1, round(n_segments / rows)))
    by_row = np.arange(height) * rows // height
    by_col = np.arange(width) * cols // width
    return np.asarray(by_row[:, None] * cols + by_col[None, :], dtype=np.int64)
