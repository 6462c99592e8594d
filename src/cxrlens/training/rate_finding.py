"""The learning rate of a stage is looked for, by letting it grow until the loss does.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cxrlens.inference import choose_device
from cxrlens.network import MapClassifier
from cxrlens.training.batching import Rows, derive_seed, plan_epoch
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import Place
from cxrlens.training.learner import Learner
from cxrlens.training.loop import ORDER, quiet_lightning
from cxrlens.training.precision import choose_precision
from cxrlens.training.recipe import Recipe
from cxrlens.vocabulary import Progress, RateSearch, RateTrial, RecipeError, suggest

_MEMORY = 0.98
"""Share of the smoothed loss that is kept from step to step."""

_TOO_MUCH = 4.0
"""A smoothed loss this many times its smallest has diverged."""

_FIRST_SHARE, _LAST_STEPS = 10, 5
"""No rate is suggested from the first tenth of the planned steps, where the smoothed loss has seen
little, nor from the last five, where it is diverging."""


@dataclass(frozen=True)
class RateRange:
    """The rates that are tried."""

    smallest: float = 1e-7
    """The first, above 0."""

    largest: float = 10.0
    """The last, where the loss bears it."""

    n_steps: int = 100
    """Steps from the one to the other, 2 or more."""

    def find_rate(self, step: int) -> float:
        """Give the rate of a step, counted from 0."""
        share = step / (self.n_steps - 1)
        return float(self.smallest * (self.largest / self.smallest) ** share)


def search_rates(
    make_step: Callable[[int, float], float], rates: RateRange, progress: Progress
) -> RateSearch:
    """Let the learning rate grow exponentially from step to step until the loss diverges.

    Args:
        make_step: given a step and its rate, moves the weights and returns the loss before.
        rates: which are tried.
        progress: is told of every step.

    Returns:
        What was seen, and the two rates that are usually read off it.

    Source:
        Smith 2017, "Cyclical learning rates for training neural networks", section 3.3 (range
        test). Exponential growth, smoothing by 0.98 without bias, the end at four times the
        smallest loss, and the suggestions `steep` and `minimum`: Howard and Gugger 2020, "fastai",
        `lr_find`.
    """
    trials: list[RateTrial] = []
    mean, least = 0.0, math.inf
    has_diverged = False
    for step in range(rates.n_steps):
        rate = rates.find_rate(step)
        loss = make_step(step, rate)
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        smoothed = mean / (1 - _MEMORY ** (step + 1))
        has_diverged = not math.isfinite(smoothed) or smoothed > _TOO_MUCH * least
        if math.isfinite(smoothed):
            trials.append(RateTrial(rate, loss, smoothed))
            least = min(least, smoothed)
        progress.advance("try learning rates", step + 1, rates.n_steps)
        if has_diverged:
            break
    return RateSearch(tuple(trials), has_diverged, *_read_off(trials, rates))


def find_rate(
    network: MapClassifier, cases: TrainingCases, recipe: Recipe, stage: int, progress: Progress
) -> RateSearch:
    """Try the learning rates of one stage, as it would train them.

    The stage's optimiser, groups, augmentation and balance are used; its schedule is not.

    Args:
        network: to start from; left with the weights that it came with, in eval mode.
        cases: images and targets; validation is not looked at.
        recipe: how.
        stage: index of the stage.
        progress: is told of every step.

    Returns:
        The same for the same recipe and cases on the same machine.

    Raises:
        RecipeError: if the stage names groups that the network does not have.
        InputError: if the GPU has too little memory.
    """
    device = choose_device()
    precision = choose_precision(recipe.optimisation, device)
    one = recipe.stages[stage]
    with quiet_lightning(), torch.random.fork_rng():
        learner = Learner(network, cases, recipe, device, precision)
        before = learner.copy_weights()
        learner.enter_stage(one, {}, {})
        plans: list[list[list[Rows]]] = []

        def make_step(step: int, rate: float) -> float:
            if not plans or step == sum(map(len, plans)):
                plans.append(_plan(cases, recipe, stage, len(plans)))
            batch = step - sum(map(len, plans[:-1]))
            place = Place(stage, len(plans) - 1, batch)
            return learner.make_step(place, plans[-1][batch], rate / one.learning_rate).loss

        found = search_rates(make_step, RateRange(), progress)
        network.load_state_dict(before)
    network.to("cpu").eval().requires_grad_(True)
    return found


def find_stage(recipe: Recipe, word: str | None) -> int:
    """Find a stage by its name or its number.

    Args:
        recipe: with its stages.
        word: the name, or the number from 1; None is the first.

    Returns:
        Its index.

    Raises:
        RecipeError: if there is no such stage.
    """
    if word is None:
        return 0
    by_word = {str(number): number - 1 for number in range(1, len(recipe.stages) + 1)}
    by_word |= {stage.name: index for index, stage in enumerate(recipe.stages)}
    if word not in by_word:
        raise RecipeError(f"the recipe has no stage {word!r}; {suggest(word, by_word)}")
    return by_word[word]


def _plan(cases: TrainingCases, recipe: Recipe, stage: int, epoch: int) -> list[list[Rows]]:
    seed = derive_seed(recipe.seed, stage, epoch, 0, ORDER)
    return plan_epoch(cases.train, cases.find_targets(cases.train), recipe.optimisation, seed)


def _read_off(trials: Sequence[RateTrial], rates: RateRange) -> tuple[float | None, float | None]:
    """Where the smoothed loss falls fastest per factor of the rate, and a tenth of its minimum."""
    looked_at = trials[rates.n_steps // _FIRST_SHARE : -_LAST_STEPS]
    if len(looked_at) < 2:
        return None, None
    tried = np.array([trial.learning_rate for trial in looked_at])
    losses = np.array([trial.smoothed_loss for trial in looked_at])
    slopes = np.diff(losses) / np.diff(np.log(tried))
    return float(tried[slopes.argmin()]), float(tried[losses.argmin()] / 10)
