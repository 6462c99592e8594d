"""The record of what a foreign state dict does not say: how its network was used.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import get_args

from cxrlens.imaging.preprocessing import Fit
from cxrlens.vocabulary import InputError, suggest

HEAD_ACTIVATIONS = ("relu", "none")
"""What can stand between the linear layers of a head."""


@dataclass(frozen=True)
class ImportSettings:
    """How a network was used where it was trained; what is not given is taken as usual.

    Raises:
        InputError: if the fit or the head's activation is not known.
    """

    size: tuple[int, int] | None = None
    """(height, width) of its input in pixels; None takes the checkpoint's own word, else 299 for
    Inception-v3 and 224 for all others."""

    fit: str = "stretch"
    """How an image is fitted into it: `stretch` or `crop`."""

    mean: tuple[float, ...] | None = None
    """What each channel of [0, 1] was reduced by, one number a channel or one for all; None takes
    ImageNet's."""

    std: tuple[float, ...] | None = None
    """What each channel was divided by then; None takes ImageNet's."""

    head_activation: str = "relu"
    """What stands between the linear layers of the head, if there are several: `relu` or `none`."""

    transform_input: bool = False
    """Whether torchvision's Inception-v3 normalised its input a second time, as it does where it
    was built with pretrained weights (`transform_input`)."""

    is_multilabel: bool = False
    """Whether each output has a sigmoid of its own, so that an image may have several classes."""

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, value, known in (
            ("fit", self.fit, get_args(Fit)),
            ("head activation", self.head_activation, HEAD_ACTIVATIONS),
        ):
            if value not in known:
                raise InputError(f"{name} {value!r} is not known: {suggest(str(value), known)}")
