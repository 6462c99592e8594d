"""Each ancestor's recipe says what its ancestor did, and trains its own architecture.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch

from cxrlens.training import Recipe, build_initial_network, load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.loop import fit
from cxrlens.vocabulary import Silence

ANCESTORS = {
    "pneumonia-resnet152": 2,
    "pneumonia-resnet34": 2,
    "covid-inceptionv3": 3,
    "pneumothorax-cnn": 2,
}
"""And their classes."""


def show_stages(recipe: Recipe) -> list[tuple[object, ...]]:
    return [
        (one.trainable, one.optimiser, one.learning_rate, one.schedule, one.epochs)
        for one in recipe.stages
    ]


@pytest.mark.parametrize("name", list(ANCESTORS))
def test_no_fault_is_inherited(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.departures
    assert not recipe.augmentation.mirror
    assert recipe.augmentation.crop_scale >= 0.5
    assert 0 < recipe.validation < 1


def test_pneumonia_resnet152() -> None:
    recipe = load_recipe("pneumonia-resnet152")
    assert recipe.network.backbone == "resnet152.tv_in1k"
    assert recipe.optimisation.batch_size * recipe.optimisation.accumulate == 256
    assert recipe.augmentation.rotation_degrees == 20
    assert show_stages(recipe) == [(("head",), "adam", 1e-3, "step", 10)]
    assert (recipe.stages[0].step_epochs, recipe.stages[0].gamma) == (4, 0.1)


def test_pneumonia_resnet34() -> None:
    recipe = load_recipe("pneumonia-resnet34")
    assert recipe.network.hidden == (256,)
    assert recipe.preprocessing.fit == "crop"
    assert recipe.optimisation.batch_size * recipe.optimisation.accumulate == 32
    assert show_stages(recipe) == [
        (("head",), "adam", 1e-4, "step", 10),
        (("*",), "adam", 1e-4, "step", 10),
    ]
    assert all((one.step_epochs, one.gamma) == (10, 0.1) for one in recipe.stages)


def test_covid_inceptionv3() -> None:
    recipe = load_recipe("covid-inceptionv3")
    assert (recipe.preprocessing.height, recipe.preprocessing.width) == (299, 299)
    assert (recipe.network.hidden, recipe.network.dropout) == ((128, 64), 0.5)
    assert recipe.optimisation.auxiliary_weight == 0.4
    assert (recipe.optimisation.balance, recipe.optimisation.batch_size) == ("sampler", 8)
    assert show_stages(recipe) == [(("head",), "adam", 1e-3, "constant", 15)]
    assert recipe.stages[0].weight_decay == pytest.approx(1e-3 / 15, rel=1e-4)
    assert (recipe.test, recipe.seed) == (0.2, 1337)


def test_pneumothorax_cnn() -> None:
    recipe = load_recipe("pneumothorax-cnn")
    assert (recipe.weights, len(recipe.network.mean)) == ("none", 1)
    assert (recipe.optimisation.batch_size, recipe.optimisation.checkpoint_steps) == (15, 100)
    (stage,) = recipe.stages
    assert (stage.optimiser, stage.momentum, stage.learning_rate) == ("sgd", 0.9, 0.05)
    network, _ = build_initial_network(recipe, 2)
    with torch.no_grad():
        assert network.eval()(torch.zeros(1, 1, 256, 256)).maps.shape == (1, 2, 16, 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ANCESTORS))
def test_its_own_architecture_trains_its_whole_schedule(name: str) -> None:
    """Few images, one epoch a stage; smaller ones where the architecture takes any size."""
    options = ["weights=none", "epochs=1", "precision=float32", "batch_size=6", "accumulate=1"]
    size = [] if name == "covid-inceptionv3" else ["height=64", "width=64"]
    recipe = load_recipe(name, [*options, *size])
    k = ANCESTORS[name]
    targets = np.arange(4 * k) % k
    side = recipe.preprocessing.height
    pixels = (
        np.random.default_rng(0).integers(0, 65535, (len(targets), side, side)).astype(np.uint16)
    )
    rows = np.arange(len(targets))
    cases = TrainingCases(pixels, targets, rows[: 3 * k], rows[3 * k :], k)
    network, _ = build_initial_network(recipe, k)
    before = {key: value.clone() for key, value in network.backbone.state_dict().items()}
    history = fit(network, cases, recipe, Silence()).history
    assert [epoch.stage for epoch in history] == [stage.name for stage in recipe.stages]
    assert all(np.isfinite(epoch.train_loss) for epoch in history)
    if [stage.trainable for stage in recipe.stages] == [("head",)]:
        after = network.backbone.state_dict()
        assert all(torch.equal(before[key], after[key]) for key in before)
