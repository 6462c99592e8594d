"""How a radiograph becomes the network's input: the reference pixel path.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from jaxtyping import Float32
from PIL import Image

from cxrlens.imaging.remove_text import remove_text
from cxrlens.vocabulary import Geometry, GreyImage, RecipeError, suggest

Fit = Literal["stretch", "crop"]
"""`stretch`: the whole image, each axis scaled by itself. `crop`: the largest centred box with
the network's proportions, scaled evenly."""

NetworkImage = Float32[np.ndarray, "network_h network_w"]
"""Pixels in [0, 1] at the size of the network's input."""

_SIDES = range(16, 4097)


@dataclass(frozen=True)
class Preprocessing:
    """The size of the network's input and how the image is fitted into it.

    Raises:
        RecipeError: if a side is no whole number of 16…4096 pixels, the fit is not known, or
            `remove_text` is neither true nor false.

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

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, value in (("height", self.height), ("width", self.width)):
            if isinstance(value, bool) or not isinstance(value, int) or value not in _SIDES:
                raise RecipeError(
                    f"preprocessing {name} must be a whole number of {_SIDES[0]}…{_SIDES[-1]} "
                    f"pixels; got {value!r}"
                )
        if self.fit not in get_args(Fit):
            raise RecipeError(
                f"preprocessing fit {self.fit!r} is not known: "
                f"{suggest(str(self.fit), get_args(Fit))}"
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

    def apply(self, pixels: GreyImage) -> NetworkImage:
        """Resample an image to the network's input: antialiased, bilinear, in one step.

        Text is removed before, where `remove_text` asks for it.

        Args:
            pixels: height x width, in [0, 1].

        Returns:
            `height` x `width` of this record, in [0, 1].
        """
        rows, cols = pixels.shape
        clean = remove_text(pixels) if self.remove_text else pixels
        box = self.geometry((rows, cols))
        edges = (
            max(box.left, 0.0),
            max(box.top, 0.0),
            min(box.left + box.width, float(cols)),
            min(box.top + box.height, float(rows)),
        )
        resized = Image.fromarray(clean).resize(
            (self.width, self.height), Image.Resampling.BILINEAR, box=edges
        )
        return np.clip(np.asarray(resized, dtype=np.float32), 0.0, 1.0)
