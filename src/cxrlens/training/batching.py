"""Which images an epoch shows, in which order, in which batches.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int

from cxrlens.training.recipe import Optimisation, Stage
from cxrlens.training.targets import Targets

Rows = Int[np.ndarray, " _"]
"""Positions of images."""

ENOUGH_STEPS, FEWEST_EPOCHS = 300, 5
"""What a stage of `auto` epochs is long enough with."""


def derive_seed(seed: int, *place: int) -> int:
    """Give a seed for one place of a training: its stage, epoch, step.

    All chance of a step follows from the recipe's seed and the step's own number: where a training
    was interrupted leaves no trace, and there is no state of chance to save.

    Args:
        seed: the recipe's.
        place: numbers that tell the place from all others.

    Returns:
        From 0 up to 2**63.
    """
    words = np.random.SeedSequence([seed, *place]).generate_state(2, np.uint32)
    return (int(words[0]) << 31) ^ int(words[1])


def count_batches(n_images: int, optimisation: Optimisation) -> int:
    """Count the batches of an epoch; a last one that is not full is left out.

    It might hold one image, of which BatchNorm can learn nothing. Fewer images than a batch make
    one batch.
    """
    return max(1, n_images // optimisation.batch_size)


def count_steps(n_images: int, optimisation: Optimisation) -> int:
    """Count the steps of an epoch: batches, or groups of them whose gradients are gathered."""
    return -(-count_batches(n_images, optimisation) // optimisation.accumulate)


def count_epochs(stage: Stage, epoch_steps: int) -> int:
    """Count the epochs of a stage.

    Args:
        stage: its `epochs` may be `auto`.
        epoch_steps: as `count_steps` gives them.

    Returns:
        What the stage says; for `auto` as many as make `ENOUGH_STEPS`, at least `FEWEST_EPOCHS`.
    """
    if stage.epochs == "auto":
        return max(FEWEST_EPOCHS, -(-ENOUGH_STEPS // epoch_steps))
    return stage.epochs


def plan_epoch(
    rows: Rows, targets: Targets, optimisation: Optimisation, seed: int
) -> list[list[Rows]]:
    """Deal images out to the steps of an epoch.

    Args:
        rows: the images of the training part, with their copies.
        targets: of each of them.
        optimisation: batch size, accumulation and balance.
        seed: of this epoch.

    Returns:
        The batches of each step.
    """
    generator = torch.Generator().manual_seed(seed)
    order = draw_order(targets, optimisation, generator)
    batches = [
        rows[order[i * optimisation.batch_size : (i + 1) * optimisation.batch_size]]
        for i in range(count_batches(len(rows), optimisation))
    ]
    k = optimisation.accumulate
    return [batches[i : i + k] for i in range(0, len(batches), k)]


def draw_order(targets: Targets, optimisation: Optimisation, generator: torch.Generator) -> Rows:
    """Draw the order of an epoch.

    Args:
        targets: n, of the training part; with the balance `sampler` one class each.
        optimisation: its balance.
        generator: the only chance.

    Returns:
        n positions. Each once; with the balance `sampler` every class as often as any other (to
        one), the images of a rare class in whole passes and a part of another.
    """
    n = len(targets)
    if optimisation.balance != "sampler":
        return torch.randperm(n, generator=generator).numpy()
    classes = np.unique(targets)
    shares = [n // len(classes) + (i < n % len(classes)) for i in range(len(classes))]
    drawn = [
        _repeat(np.flatnonzero(targets == one), share, generator)
        for one, share in zip(classes, shares, strict=True)
    ]
    order: Rows = torch.randperm(n, generator=generator).numpy()
    shown: Rows = np.concatenate(drawn)[order]
    return shown


def _repeat(members: Rows, n: int, generator: torch.Generator) -> Rows:
    passes: Sequence[np.ndarray] = [
        members[torch.randperm(len(members), generator=generator).numpy()]
        for _ in range(-(-n // len(members)))
    ]
    return np.concatenate(passes)[:n]
