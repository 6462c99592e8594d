"""The images of a step or a view, as the network is shown them.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from cxrlens.network.tensors import GreyBatch
from cxrlens.training.augmentation import augment
from cxrlens.training.batching import Rows, derive_seed
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import Place
from cxrlens.training.copies import split_copies, vary_copies
from cxrlens.training.recipe import Recipe

_STEP, _VIEW = 2, 5
"""What chance is drawn for: the augmentation of a step, of a view; others are drawn elsewhere."""


class ShownImages:
    """Gives stored images as tensors on the training's device, as they are or augmented.

    Args:
        cases: the images.
        recipe: its augmentation, copies and seed.
        move: brings a tensor to the device.
    """

    def __init__(
        self, cases: TrainingCases, recipe: Recipe, move: Callable[[Tensor], Tensor]
    ) -> None:
        self.cases, self.recipe = cases, recipe
        self._move = move

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        _, height, width = self.cases.pixels.shape
        return height, width

    def fetch(self, rows: Rows) -> GreyBatch:
        """Give images, and copies of images, as they are: N x 1 x H x W in [0, 1]."""
        return self._move(self._read(rows))

    def vary_step(self, place: Place, batches: Sequence[Rows]) -> Iterator[GreyBatch]:
        """Augment the batches of a step, whose chance follows from the seed and the step's place.

        Args:
            place: of the step.
            batches: rows of its batches, from the first on.

        Yields:
            N x 1 x H x W in [0, 1] for each batch, made when it is asked for.
        """
        chance = derive_seed(self.recipe.seed, place.stage, place.epoch, place.step, _STEP)
        generator = torch.Generator().manual_seed(chance)
        for rows in batches:
            yield augment(self.fetch(rows), self.recipe.augmentation, generator)

    def vary_view(self, view: int, rows: Rows) -> GreyBatch:
        """Augment images as a view shows them: the same at any time and in any company.

        Args:
            view: its number; with the recipe's seed and an image's row all that it follows from.
            rows: the images, and copies of images.

        Returns:
            N x 1 x H x W in [0, 1].
        """
        images = self._read(rows)
        for place, row in enumerate(rows.tolist()):
            chance = derive_seed(self.recipe.seed, row, view, 0, _VIEW)
            generator = torch.Generator().manual_seed(chance)
            one = images[place : place + 1]
            images[place : place + 1] = augment(one, self.recipe.augmentation, generator)
        return self._move(images)

    def _read(self, rows: Rows) -> GreyBatch:
        sources, numbers = split_copies(rows, len(self.cases.pixels))
        images = torch.from_numpy(self.cases.pixels[sources].astype(np.float32) / 65535)[:, None]
        if numbers.any():
            images = vary_copies(images, sources, numbers, self.recipe.copies, self.recipe.seed)
        return images
