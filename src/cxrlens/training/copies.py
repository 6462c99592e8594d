"""Copies of training images that fill up rare classes, each varied once and for all.

SPDX-License-Identifier: Apache-2.0

A copy is a number until it is looked at: how it is varied follows from the recipe's seed, its
image's row and its own count, so that it is the same in every epoch and after a resume, and nothing
is stored.
"""

import numpy as np
import torch

from cxrlens.network.tensors import GreyBatch
from cxrlens.training.augmentation import augment
from cxrlens.training.batching import Rows, derive_seed
from cxrlens.training.recipe import Augmentation, Copies
from cxrlens.training.targets import Targets

_VARIATION = 4
"""What chance is drawn for here; the loop and the learner have numbers of their own."""


def add_copies(rows: Rows, targets: Targets, copies: Copies) -> Rows:
    """Fill every class of the training part up with copies of its own images.

    The images of a class are copied in turn, so that none has two copies more than another.

    Args:
        rows: the images of the training part; nothing else is copied.
        targets: of all n images of the table, one class each.
        copies: up to how many.

    Returns:
        The rows, then the copies; copy number c (from 1) of row r is c n + r.
    """
    members = [rows[targets[rows] == one] for one in np.unique(targets[rows])]
    goal = copies.copies_per_class or max(map(len, members), default=0)
    added = [_copy(own, goal - len(own), len(targets)) for own in members]
    return np.concatenate([rows, *added])


def split_copies(rows: Rows, n_images: int) -> tuple[Rows, Rows]:
    """Tell images and copies apart.

    Args:
        rows: as `add_copies` gives them.
        n_images: of the whole table.

    Returns:
        The row of each image, and the number of its copy; 0 is the image itself.
    """
    return rows % n_images, rows // n_images


def vary_copies(
    images: GreyBatch, rows: Rows, numbers: Rows, copies: Copies, seed: int
) -> GreyBatch:
    """Vary the copies among some images, each as it always is.

    Args:
        images: on the CPU; those that are no copies stay as they are.
        rows: of each image.
        numbers: of each image's copy; 0 is the image itself.
        copies: how much.
        seed: the recipe's.

    Returns:
        The same shape, in [0, 1].
    """
    varied = images.clone()
    for place in np.flatnonzero(numbers).tolist():
        chance = derive_seed(seed, int(rows[place]), int(numbers[place]), 0, _VARIATION)
        varied[place : place + 1] = _vary(images[place : place + 1], copies, chance)
    return varied


def _copy(members: Rows, n_missing: int, n_images: int) -> Rows:
    if n_missing <= 0:
        return np.empty(0, dtype=members.dtype)
    counted = np.arange(n_missing)
    copied: Rows = (1 + counted // len(members)) * n_images + members[counted % len(members)]
    return copied


def _vary(image: GreyBatch, copies: Copies, seed: int) -> GreyBatch:
    generator = torch.Generator().manual_seed(seed)
    is_turned = float(torch.rand(1, generator=generator)) < copies.rotation_share
    amounts = Augmentation(
        rotation_degrees=copies.rotation_degrees if is_turned else 0.0,
        shift=0.0,
        zoom=0.0,
        crop_scale=1.0,
        distortion=copies.distortion,
        mirror=copies.mirror,
        brightness=0.0,
        contrast=0.0,
    )
    return augment(image, amounts, generator)
