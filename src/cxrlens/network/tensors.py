"""Names for torch tensors by their axes.

SPDX-License-Identifier: Apache-2.0

Axes: `n` images, `c` channels, `h w` rows and columns of the network's input, `k` classes,
`rows cols` of the last feature map.
"""

from jaxtyping import Float
from torch import Tensor

GreyBatch = Float[Tensor, "n 1 h w"]
"""Grey images in [0, 1]; 0 is air (black)."""

ColourBatch = Float[Tensor, "n c h w"]
"""Normalised images as a backbone takes them."""

FeatureBatch = Float[Tensor, "n features rows cols"]
"""The last feature map, before pooling."""

InnerBatch = Float[Tensor, "n _ _ _"]
"""A feature map inside a network; channels and size change from block to block."""

PooledBatch = Float[Tensor, "n features"]
"""The last feature map, pooled."""

EffectiveWeight = Float[Tensor, "n k features"]
"""What the pooled features of each image are multiplied by to give its logits."""

LogitBatch = Float[Tensor, "n k"]
"""One logit a class, before softmax."""

MapBatch = Float[Tensor, "n k rows cols"]
"""One class activation map a class."""
