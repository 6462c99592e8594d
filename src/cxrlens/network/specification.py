"""The record that says how a network is built.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass, field

from cxrlens.vocabulary import RecipeError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of RGB in [0, 1] over ImageNet (torchvision's and timm's convention)."""

IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of RGB in [0, 1] over ImageNet (torchvision's and timm's convention)."""

COMPACT, RESIDUAL = "compact", "residual"
"""The names of our own networks; every other name is timm's."""


_NOT_OPTIONS = frozenset(
    {
        "cache_dir", "checkpoint_path", "features_only", "in_chans", "num_classes", "pretrained",
        "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict",
    }
)  # fmt: skip
"""What timm takes beside an architecture's own options: weights and outputs are asked for
elsewhere, and building a network must never fetch or read a file."""


@dataclass(frozen=True)
class NetworkSpec:
    """Everything needed to build the same network again, but for its weights and classes.

    Raises:
        RecipeError: if mean and std are not equally long lists of finite numbers, a std is not
            above 0, the dropout is outside [0, 1), a hidden layer is
            empty, or an option would load weights.
    """

    backbone: str = "mobilenetv2_100"
    """A timm architecture, `compact` or `residual`."""

    options: dict[str, bool | int | float | str | tuple[int, ...]] = field(default_factory=dict)
    """What the architecture is built with beside its name, such as `act_layer: relu`."""

    mean: tuple[float, ...] = IMAGENET_MEAN
    """Subtracted from each channel of the image in [0, 1]; its length is the channel count."""

    std: tuple[float, ...] = IMAGENET_STD
    """Divides each channel after the mean is subtracted."""

    hidden: tuple[int, ...] = ()
    """Units of each hidden layer of the head, with ReLU, from the pooled features on."""

    dropout: float = 0.2
    """Share of the head's last linear layer's inputs that is dropped in training, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check the fields."""
        are_finite = all(math.isfinite(value) for value in (*self.mean, *self.std))
        if not self.mean or len(self.mean) != len(self.std) or not are_finite:
            raise RecipeError(
                "network.mean and network.std must hold one finite number a channel, from one "
                f"channel up; got {self.mean} and {self.std}"
            )
        if min(self.std) <= 0:
            raise RecipeError(f"network.std must be above 0; got {self.std}")
        if not 0 <= self.dropout < 1:
            raise RecipeError(f"network.dropout must be in [0, 1); got {self.dropout!r}")
        if any(units < 1 for units in self.hidden):
            raise RecipeError(f"network.hidden must hold whole numbers from 1; got {self.hidden}")
        for key in sorted(_NOT_OPTIONS.intersection(self.options)):
            raise RecipeError(
                f"network.options.{key} is no option of an architecture; got "
                f"{self.options[key]!r}; ask for weights by `weights`"
            )
