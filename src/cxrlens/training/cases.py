"""The images that a training sees, with their targets, and which of them teach or choose.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt16

from cxrlens.training.batching import Rows
from cxrlens.training.copies import split_copies
from cxrlens.training.targets import Targets

StoredPixels = UInt16[np.ndarray, "n h w"]
"""Grey images at the network's input size; 65535 is 1."""


@dataclass(frozen=True, eq=False)
class TrainingCases:
    """Decoded images with their targets, and which of them teach or choose."""

    pixels: StoredPixels
    """All images."""

    targets: Targets
    """Of each image; those of rows in neither part are not looked at."""

    train: Rows
    """The rows that the weights are moved by, and copies of them as `add_copies` numbers them."""

    validation: Rows
    """The rows that the epoch is chosen on."""

    n_classes: int
    """Outputs of the network."""

    classes: tuple[str, ...] = ()
    """Their names; where there are none, `class_names` counts them."""

    images: tuple[str, ...] = ()
    """The name of every image's file; empty where it has none."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for every output."""
        return self.classes or tuple(str(k) for k in range(self.n_classes))

    def find_targets(self, rows: Rows) -> Targets:
        """Give the targets of rows, and of copies of rows."""
        targets: Targets = self.targets[split_copies(rows, len(self.targets))[0]]
        return targets
