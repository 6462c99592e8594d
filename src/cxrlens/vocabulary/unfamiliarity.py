"""How unlike the training images one image is.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

USUAL_LIMIT = 0.01
"""So many of the usual images are called out of distribution."""


@dataclass(frozen=True)
class Unfamiliarity:
    """How far an image lies from the training images, as the model's own features see it."""

    distance: float
    """To its k-th nearest training image, between features of length 1: 0 (the same) to 2; infinite
    where its features are no finite numbers."""

    p_value: float
    """In (0, 1]: how often an image like the validation images lies at least as far away."""

    limit: float
    """The p-value from which on down an image counts as out of distribution, in (0, 1)."""

    @property
    def is_out(self) -> bool:
        """Whether the answer must not be relied on."""
        return self.p_value <= self.limit
