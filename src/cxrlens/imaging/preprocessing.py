"""How a radiograph becomes the network's input: the reference pixel path.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from jaxtyping import Float32

from cxrlens.imaging.reduction import FACTORS, Reduction
from cxrlens.imaging.remove_text import remove_text
from cxrlens.imaging.resampling import resample, weigh_triangles
from cxrlens.vocabulary import Geometry, GreyImage, RecipeError, suggest

Fit = Literal["stretch", "crop"]
"""`stretch`: the whole image, each axis scaled by itself. `crop`: the largest centred box with
the network's proportions, scaled evenly."""

Decoding = Literal["reduced", "full"]
"""`reduced`: a JPEG file that is much larger than the network's input is decoded at a half, a
quarter or an eighth of its size, where that leaves enough pixels. `full`: never."""

NetworkImage = Float32[np.ndarray, "network_h network_w"]
"""Pixels in [0, 1] at the size of the network's input."""

_SIDES = range(16, 4097)

_OVERSAMPLING = 2
"""Decoded pixels, at least, along one side of a pixel of the network's input: what the decoder's
own averaging does to the finest detail is then averaged away by the resampling."""

_LEAST_SIDE = 256
"""Of what is decoded at a fraction: the largest side at which quality is judged."""


@dataclass(frozen=True)
class Preprocessing:
    """The size of the network's input and how the image is fitted into it.

    Raises:
        RecipeError: if a side is no whole number of 16…4096 pixels, the fit or the decoding is
            not known, or `remove_text` is neither true nor false.

    Example:
        >>> Preprocessing(224, 224, "crop").geometry((300, 400))  # doctest: +ELLIPSIS
        Geometry(source_size=(300, 400), ... top=0.0, left=50.0, height=300.0, width=300.0)
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    height: int = 224
    """Rows of the network's input in pixels."""

    width: int = 224
    """Columns of the network's input in pixels."""

    fit: Fit = "stretch"
    """How the image is fitted in."""

    remove_text: bool = False
    """Whether letters, side markers and arrows outside the lungs are filled from their
    surroundings first, at the image's own size."""

    decoding: Decoding = "reduced"
    """At which size JPEG files are decoded; with `remove_text` always at their own."""

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, value in (("height", self.height), ("width", self.width)):
            if isinstance(value, bool) or not isinstance(value, int) or value not in _SIDES:
                raise RecipeError(
                    f"preprocessing {name} must be a whole number of {_SIDES[0]}…{_SIDES[-1]} "
                    f"pixels; got {value!r}"
                )
        for name, word, known in (
            ("fit", self.fit, get_args(Fit)), ("decoding", self.decoding, get_args(Decoding)),
        ):  # fmt: skip
            if word not in known:
                raise RecipeError(
                    f"preprocessing {name} {word!r} is not known: {suggest(str(word), known)}"
                )
        if not isinstance(self.remove_text, bool):
            raise RecipeError(
                f"preprocessing remove_text must be true or false; got {self.remove_text!r}"
            )

    def geometry(self, source_size: tuple[int, int]) -> Geometry:
        """Give the box of a source image that fills the network's input.

        Args:
            source_size: (height, width) of the source image in pixels.

        Returns:
            The box, in source pixels.
        """
        height, width = float(source_size[0]), float(source_size[1])
        box_height, box_width = height, width
        if self.fit == "crop":
            scale = min(height / self.height, width / self.width)
            box_height, box_width = scale * self.height, scale * self.width
        return Geometry(
            source_size,
            (self.height, self.width),
            (height - box_height) / 2,
            (width - box_width) / 2,
            box_height,
            box_width,
        )

    def choose_factor(self, source_size: tuple[int, int]) -> int:
        """Give the fraction of its size at which a JPEG file may be decoded.

        Args:
            source_size: (height, width) of the source image in pixels, upright.

        Returns:
            8, 4, 2 or 1: pixels along one side of a decoded one, the most with which the box
            still has twice the network's pixels along both sides, and the image 256.

        Example:
            >>> [Preprocessing(224, 224).choose_factor((n, n)) for n in (895, 896, 1414, 1792)]
            [1, 2, 2, 4]
        """
        if self.decoding == "full" or self.remove_text:
            return 1
        box = self.geometry(source_size)
        room = min(
            box.height / (_OVERSAMPLING * self.height),
            box.width / (_OVERSAMPLING * self.width),
            min(source_size) / _LEAST_SIDE,
        )
        return next((factor for factor in FACTORS if factor <= room), 1)

    def apply(self, pixels: GreyImage, reduction: Reduction | None = None) -> NetworkImage:
        """Resample an image to the network's input: antialiased, bilinear, in one step.

        Text is removed before, where `remove_text` asks for it.

        Args:
            pixels: height x width in [0, 1].
            reduction: how they lie on the image's own pixels; None where they are those.

        Returns:
            `height` x `width` of this record, float32 in [0, 1].
        """
        rows, cols = pixels.shape
        place = reduction or Reduction((rows, cols))
        clean = remove_text(pixels) if self.remove_text else pixels
        box = self.geometry(place.source_size)
        top, left = place.place(max(box.top, 0.0), max(box.left, 0.0))
        bottom, right = place.place(
            min(box.top + box.height, float(place.source_size[0])),
            min(box.left + box.width, float(place.source_size[1])),
        )
        down = weigh_triangles(rows, self.height, top, bottom - top)
        across = weigh_triangles(cols, self.width, left, right - left)
        result = resample(clean, down, across)
        return np.clip(result, 0, 1, out=result)
