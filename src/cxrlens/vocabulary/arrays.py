"""Names for numpy arrays by their axes, used in every signature.

SPDX-License-Identifier: Apache-2.0

Axes: `h w` rows and columns of an image (source or network, said where used), `rows cols` of a
coarse grid, `n` cases, `k` classes, `points` landmarks. Under the test suite every annotation is
checked at run time (jaxtyping with beartype).
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64, UInt8

GreyImage = Float32[np.ndarray, "h w"]
"""Pixels in [0, 1]; 0 is air (black)."""

GreyBytes = UInt8[np.ndarray, "h w"]
"""Pixels in 0…255; 0 is air (black)."""

ColourBytes = UInt8[np.ndarray, "h w 3"]
"""RGB pixels in 0…255, channel last."""

PixelMask = Bool[np.ndarray, "h w"]
"""True where the thing is."""

Segments = Int64[np.ndarray, "h w"]
"""The piece that each pixel belongs to: 0…S-1, each at least once."""

Grid = Float32[np.ndarray, "rows cols"]
"""A coarse signed map; row 0 is the top."""

Points = Float[np.ndarray, "points 2"]
"""(row, column) of pixel centres, zero-based: the centre of the first pixel is (0, 0)."""

Probabilities = Float[np.ndarray, "n k"]
"""One row a case, one column a class, in [0, 1]."""

Logits = Float[np.ndarray, "n k"]
"""One row a case, one column a class, before softmax."""

Decisions = Bool[np.ndarray, "n k"]
"""One row a case, one column a class: whether it is decided for, or flagged."""

LabelMatrix = Float32[np.ndarray, "n k"]
"""One row a case, one column a class: 1 there, 0 not there, -1 uncertain, NaN missing."""

ClassIndices = Int[np.ndarray, " n"]
"""Index into the classes; -1 where the truth is not known."""

Scores = Float[np.ndarray, " n"]
"""One number a case."""

Flags = Bool[np.ndarray, " n"]
"""One yes or no a case."""
