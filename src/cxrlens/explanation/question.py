"""What a map method is asked: images, and of each the class whose evidence is wanted.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.inference import ImageBatch
from cxrlens.vocabulary import ClassIndices


@dataclass(frozen=True, eq=False)
class Question:
    """Images as the network sees them, each with the class that is asked about."""

    pixels: ImageBatch
    """N x H x W in [0, 1], at the network's input size, made by its own preprocessing."""

    targets: ClassIndices
    """N indices into the model's classes; what is explained is the logit of that class, before
    softmax or sigmoid."""

    is_multilabel: bool = False
    """Whether each class has a sigmoid of its own, for methods that explain a probability; else
    there is one softmax over all."""

    def __len__(self) -> int:
        """The number of images."""
        return len(self.pixels)

    def pick(self, values: np.ndarray) -> np.ndarray:
        """Take from N x K x … values of every class those of the class asked about: N x …."""
        return np.asarray(values[np.arange(len(self)), self.targets])
