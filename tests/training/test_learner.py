"""The auxiliary head teaches where it has something to teach, and nowhere else.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier
from cxrlens.training import Recipe, load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import Place
from cxrlens.training.learner import Learner
from cxrlens.vocabulary import InputError

SPEC = NetworkSpec("inception_v3", {"aux_logits": True}, (0.5,), (0.5,), dropout=0.0)


@pytest.fixture(scope="module")
def cases() -> TrainingCases:
    pixels = np.random.default_rng(0).integers(0, 65535, (2, 299, 299)).astype(np.uint16)
    return TrainingCases(pixels, np.array([0, 1]), np.array([0, 1]), np.array([0, 1]), 2)


def make_recipe(weight: float, *trainable: str) -> Recipe:
    options = ["precision=float32", "batch_size=2", "optimiser=sgd", "schedule=constant"]
    recipe = load_recipe("default", [*options, "warm_up=0", f"auxiliary_weight={weight}"])
    stage = replace(recipe.stages[0], trainable=trainable, rate_factors={})
    return replace(recipe, network=SPEC, stages=(stage,))


def move(cases: TrainingCases, recipe: Recipe) -> dict[str, torch.Tensor]:
    """The weights after one step."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier(SPEC, 2, (299, 299))
        learner = Learner(network, cases, recipe, "cpu", "float32")
        learner.enter_stage(recipe.stages[0], {}, {})
        learner.make_step(Place(), [np.array([0, 1])])
        return learner.copy_weights()


def list_changed(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    return {key.removeprefix("backbone.network.") for key in one if not one[key].equal(other[key])}


def test_in_a_frozen_stage_it_adds_nothing(cases: TrainingCases) -> None:
    weights = [move(cases, make_recipe(weight, "head")) for weight in (0.0, 1000.0)]
    assert list_changed(*weights) == set()


@pytest.mark.slow
def test_where_the_backbone_moves_it_teaches_what_feeds_it(cases: TrainingCases) -> None:
    weights = [
        move(cases, make_recipe(weight, "Mixed_6e", "Mixed_7c", "head")) for weight in (0.0, 0.4)
    ]
    changed = {name.partition(".")[0] for name in list_changed(*weights)}
    assert changed == {"Mixed_6e", "AuxLogits"}  # nothing behind it


class Full(torch.nn.Module):
    """A head for which there is no memory."""

    def forward(self, *_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    ("size", "way_out"),
    [(8, "batch_size=4 accumulate=2"), (2, "batch_size and accumulate can save no more")],
)
def test_too_little_memory_of_a_gpu_is_told_with_the_way_out(
    recipe: Recipe, build: Callable[[Recipe], MapClassifier], size: int, way_out: str
) -> None:
    recipe = replace(recipe, optimisation=replace(recipe.optimisation, batch_size=size))
    pixels = np.zeros((8, 32, 32), dtype=np.uint16)
    rows = np.arange(8)
    network = build(recipe)
    learner = Learner(
        network, TrainingCases(pixels, rows % 2, rows, rows, 2), recipe, "cpu", "float32"
    )
    learner.enter_stage(recipe.stages[0], {}, {})
    network.head.forward = Full().forward
    with pytest.raises(InputError) as caught:
        learner.make_step(Place(), [rows[:size]])
    assert f"{size} images of 32 x 32 at once (batch_size={size})" in str(caught.value)
    assert way_out in str(caught.value)
    with pytest.raises(InputError, match="8 validation images at once"):
        learner.answer_validation()
