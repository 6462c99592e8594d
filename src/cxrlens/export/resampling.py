"""A grey image of any size becomes the network's input inside the graph.

SPDX-License-Identifier: Apache-2.0
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrlens.imaging import Preprocessing


class Resampler(nn.Module):
    """The reference resampling of `Preprocessing.apply`, written as two products of matrices.

    Bilinear resampling that is antialiased weighs the pixels by a triangle as wide as a pixel of
    the result (but at least as one of the source). Rows and columns go one after the other, so
    the result is A x B' with one matrix a side, whose rows add up to 1. Products of matrices mean
    the same in every runtime; their operators for resizing do not.

    Args:
        preprocessing: size and fit; its `remove_text` is not done here.

    Source: Pillow's `ImagingResample` with its bilinear filter.

    Example:
        >>> resample = Resampler(Preprocessing(16, 16, "crop"))
        >>> tuple(resample(torch.zeros(1, 40, 60)).shape)
        (1, 16, 16)
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self._size = (preprocessing.height, preprocessing.width)
        self._is_cropped = preprocessing.fit == "crop"

    def forward(self, grey: Float[Tensor, "n h w"]) -> Float[Tensor, "n rows cols"]:
        """Resample.

        Args:
            grey: N x H x W in [0, 1], all of one size.

        Returns:
            N x height x width of the network, in [0, 1].
        """
        rows, cols = _list_centres(grey.shape[1]), _list_centres(grey.shape[2])
        # As tensors, so that a graph keeps them as functions of the image's size.
        sides = (rows[-1] + 0.5, cols[-1] + 0.5)
        boxes = sides
        if self._is_cropped:
            scale = torch.minimum(sides[0] / self._size[0], sides[1] / self._size[1])
            boxes = (scale * self._size[0], scale * self._size[1])
        down = _weigh(rows, sides[0], boxes[0], self._size[0])
        across = _weigh(cols, sides[1], boxes[1], self._size[1])
        return (down @ grey @ across.T).clamp(0, 1)


def _list_centres(n: int) -> Float[Tensor, " n"]:
    return torch.arange(n, dtype=torch.float32) + 0.5


def _weigh(
    centres: Float[Tensor, " n"], side: Tensor, box: Tensor, n_out: int
) -> Float[Tensor, "m n"]:
    """What each source pixel adds to each pixel of the result, along one axis.

    Args:
        centres: of the source's pixels.
        side: of the source.
        box: length of the part in its middle that fills the result.
        n_out: pixels of the result.
    """
    step = box / n_out
    places = (side - box) / 2 + _list_centres(n_out) * step
    distance = (centres[None] - places[:, None]).abs()
    weights = torch.relu(1 - distance / step.clamp_min(1.0))
    return weights / weights.sum(dim=1, keepdim=True)
