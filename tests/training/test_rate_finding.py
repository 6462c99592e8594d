"""The learning rate that is suggested is one that a stage bears.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cxrlens.network import MapClassifier
from cxrlens.training import Recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.rate_finding import RateRange, find_rate, find_stage, search_rates
from cxrlens.vocabulary import RateSearch, RecipeError, Silence

RATES = RateRange()


class Bowl:
    """Gradient descent on half the sum of curvature times square: stable below 2 / the largest."""

    def __init__(self, curvatures: list[float]) -> None:
        self.curvatures = np.array(curvatures)
        self.place = np.ones(len(curvatures))

    def step(self, _: int, rate: float) -> float:
        loss = 0.5 * float((self.curvatures * self.place**2).sum()) + 0.1
        self.place = self.place - rate * self.curvatures * self.place
        return loss


@pytest.mark.parametrize("curvatures", [[20.0], [40.0], [5.0, 1.0], [300.0, 100.0, 30.0]])
def test_on_a_bowl_the_suggestion_lies_below_the_limit_of_stability(
    curvatures: list[float],
) -> None:
    found = search_rates(Bowl(curvatures).step, RATES, Silence())
    limit = 2 / max(curvatures)
    assert found.has_diverged
    assert found.suggestion is not None
    assert limit / 1000 < found.suggestion < limit
    assert found.suggestion == found.tenth_of_minimum
    assert found.steepest is not None
    assert found.steepest < limit


def smooth_slowly(losses: list[float], step: int) -> float:
    """The weighted mean of all losses so far: each step back counts 0.98 times as much."""
    weights = [0.98 ** (step - i) for i in range(step + 1)]
    return sum(w * x for w, x in zip(weights, losses, strict=False)) / sum(weights)


def test_rates_grow_evenly_and_the_loss_is_smoothed_until_it_diverges() -> None:
    losses = list(2 - np.linspace(0, 1, 60)) + [3.0 ** (i / 3) for i in range(40)]
    found = search_rates(lambda step, _: float(losses[step]), RATES, Silence())
    rates = [trial.learning_rate for trial in found.trials]
    assert rates[0] == pytest.approx(1e-7)
    growth = 1e8 ** (1 / 99)
    assert rates == pytest.approx([1e-7 * growth**i for i in range(len(rates))], rel=1e-9)
    smoothed = [trial.smoothed_loss for trial in found.trials]
    assert smoothed == pytest.approx([smooth_slowly(losses, i) for i in range(len(rates))])
    assert found.has_diverged
    assert smoothed[-1] > 4 * min(smoothed)
    assert all(one <= 4 * min(smoothed[: i + 1]) for i, one in enumerate(smoothed[:-1]))
    inside = range(10, len(rates) - 5)
    assert found.tenth_of_minimum == pytest.approx(
        rates[min(inside, key=smoothed.__getitem__)] / 10
    )
    falls = {i: smoothed[i + 1] - smoothed[i] for i in list(inside)[:-1]}  # rates grow evenly
    assert found.steepest == pytest.approx(rates[min(falls, key=falls.__getitem__)])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_ends_it_and_is_not_kept(bad: float) -> None:
    found = search_rates(lambda step, _: bad if step == 7 else 1.0, RATES, Silence())
    assert (len(found.trials), found.has_diverged) == (7, True)
    assert (found.steepest, found.tenth_of_minimum, found.suggestion) == (None, None, None)


def test_a_loss_that_never_diverges_is_seen_to_the_end() -> None:
    found = search_rates(lambda step, _: 1.0 / (step + 1), RATES, Silence())
    assert (len(found.trials), found.has_diverged) == (100, False)
    assert found.trials[-1].learning_rate == pytest.approx(10)


Build = Callable[..., MapClassifier]


def test_a_stage_is_tried_as_it_trains_and_the_weights_stay(
    recipe: Recipe, cases: TrainingCases, build: Build, is_same: Callable[..., bool]
) -> None:
    network = build(recipe)
    found = find_rate(network, cases, recipe, 0, Silence())
    assert is_same(network, build(recipe))
    assert not network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert len({trial.loss for trial in found.trials}) > 10
    assert found.suggestion is not None
    assert 1e-5 < found.suggestion <= 1
    again = find_rate(build(recipe), cases, recipe, 0, Silence())
    assert again == found
    other = find_rate(build(recipe), cases, replace(recipe, seed=1), 0, Silence())
    assert other != found


def test_the_rate_of_the_recipe_does_not_matter(
    recipe: Recipe, cases: TrainingCases, build: Build
) -> None:
    def find(rate: float) -> RateSearch:
        stage = replace(recipe.stages[0], learning_rate=rate)
        return find_rate(build(recipe), cases, replace(recipe, stages=(stage,)), 0, Silence())

    one, other = find(0.01), find(1.0)
    losses = [[trial.loss for trial in found.trials[:40]] for found in (one, other)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_stages_are_found_by_name_and_number(recipe: Recipe) -> None:
    second = replace(recipe.stages[0], name="second")
    recipe = replace(recipe, stages=(*recipe.stages, second))
    found = [find_stage(recipe, word) for word in (None, "1", "2", "everything", "second")]
    assert found == [0, 0, 1, 0, 1]
    with pytest.raises(RecipeError, match="did you mean 'second'"):
        find_stage(recipe, "secnd")
