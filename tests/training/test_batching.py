"""Which images an epoch shows, and how often.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.training import load_recipe
from cxrlens.training.batching import (
    count_batches,
    count_epochs,
    count_steps,
    derive_seed,
    draw_order,
    plan_epoch,
)
from cxrlens.training.recipe import Optimisation


def make(size: int, gathered: int = 1, balance: str = "none") -> Optimisation:
    plain = load_recipe("default").optimisation
    return replace(plain, batch_size=size, accumulate=gathered, balance=balance)  # type: ignore[arg-type]


@given(st.integers(1, 200), st.integers(2, 40), st.integers(1, 6))
def test_every_image_once_but_for_what_fills_no_batch(n: int, size: int, gathered: int) -> None:
    rows = np.arange(1000, 1000 + n)
    optimisation = make(size, gathered)
    plan = plan_epoch(rows, np.zeros(n, dtype=np.int64), optimisation, 3)
    assert len(plan) == count_steps(n, optimisation)
    batches = [batch for step in plan for batch in step]
    assert len(batches) == count_batches(n, optimisation)
    assert all(len(step) == gathered for step in plan[:-1])
    assert all(len(batch) == min(n, size) for batch in batches)
    shown = np.concatenate(batches)
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(rows)
    assert n - len(shown) < size


def test_epochs_differ_and_repeat() -> None:
    rows, targets = np.arange(30), np.zeros(30, dtype=np.int64)
    first = plan_epoch(rows, targets, make(30), 1)[0][0]
    assert (first == plan_epoch(rows, targets, make(30), 1)[0][0]).all()
    assert not (first == plan_epoch(rows, targets, make(30), 2)[0][0]).all()


@given(st.lists(st.integers(1, 30), min_size=2, max_size=5), st.integers(0, 100))
def test_a_sampler_shows_every_class_as_often_as_any_other(counts: list[int], seed: int) -> None:
    targets = np.repeat(np.arange(len(counts)), counts)
    generator = torch.Generator().manual_seed(seed)
    order = draw_order(targets, make(8, 1, "sampler"), generator)
    shown = np.bincount(targets[order], minlength=len(counts))
    assert shown.sum() == len(targets)
    assert shown.max() - shown.min() <= 1
    for one in range(len(counts)):
        times = np.bincount(order, minlength=len(targets))[targets == one]
        assert times.max() - times.min() <= 1  # whole passes, and a part of another


def test_places_have_seeds_of_their_own() -> None:
    places = [(seed, *p) for seed in (0, 1, 2**31) for p in np.ndindex(3, 3, 3, 3)]
    seeds = [
        derive_seed(seed, *(int(v) for v in place[:3]), int(place[3]) + 1)
        for seed, *place in places
    ]
    assert len(set(seeds)) == len(places)
    assert all(0 <= seed < 2**63 for seed in seeds)


@given(st.integers(2, 40), st.integers(0, 3000))
def test_epochs_by_themselves_are_the_fewest_that_are_enough(size: int, more: int) -> None:
    plain = load_recipe("default")
    optimisation = replace(plain.optimisation, batch_size=size)
    steps = count_steps(size + more, optimisation)
    epochs = count_epochs(replace(plain.stages[0], epochs="auto"), steps)
    assert epochs >= 5
    assert epochs * steps >= 300
    assert epochs == 5 or (epochs - 1) * steps < 300


def test_epochs_that_are_asked_for_stand() -> None:
    stage = load_recipe("default", ["epochs=2"]).stages[0]
    assert count_epochs(stage, 1) == 2
