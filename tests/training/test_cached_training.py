"""A head trained on cached features is the head that the whole network would have trained.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier
from cxrlens.training import Recipe, load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.copies import add_copies
from cxrlens.training.loop import Fitted, Keeping, fit
from cxrlens.training.shown_images import ShownImages
from cxrlens.vocabulary import Epoch, RecipeError, Silence

Build = Callable[..., MapClassifier]

IDENTITY = {"recipe": "a" * 64}

FROZEN = {"trainable": ("head",), "optimiser": "adam", "weight_decay": 0.0}


class Stop(Exception):
    """A training is interrupted."""


class Watch:
    """Notes what is told, and interrupts after so many steps of training where that is asked."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.told: list[tuple[str, int, int]] = []
        self._left = stop_after

    def advance(self, task: str, done: int, total: int) -> None:
        self.told.append((task, done, total))
        if self._left is not None and task.startswith("train"):
            self._left -= 1
            if self._left < 0:
                raise Stop

    def count(self, task: str) -> int:
        return sum(one.startswith(task) for one, _, _ in self.told)


def set_stages(recipe: Recipe, *changes: dict[str, object]) -> Recipe:
    first = recipe.stages[0]
    stages = (replace(first, name=f"s{i}", **one) for i, one in enumerate(changes))  # type: ignore[arg-type]
    return replace(recipe, stages=tuple(stages))


@pytest.fixture
def frozen(recipe: Recipe) -> Recipe:
    """A head of two layers with dropout, five steps an epoch, saved in the midst of them."""
    optimisation = replace(
        recipe.optimisation, checkpoint_steps=3, label_smoothing=0.1, balance="sampler"
    )
    network = replace(recipe.network, hidden=(6,), dropout=0.5)
    one = set_stages(recipe, {**FROZEN, "epochs": 4, "views": "epochs"})
    return replace(one, optimisation=optimisation, network=network)


def with_views(recipe: Recipe, views: object) -> Recipe:
    return replace(recipe, stages=tuple(replace(one, views=views) for one in recipe.stages))  # type: ignore[arg-type]


def train(
    recipe: Recipe, cases: TrainingCases, build: Build, watch: Watch | None = None
) -> tuple[MapClassifier, Fitted]:
    k = 2 if cases.targets.ndim == 1 else cases.targets.shape[1]
    network = build(recipe, k)
    return network, fit(network, cases, recipe, watch or Silence())


def assert_alike(one: MapClassifier, other: MapClassifier) -> None:
    """The same but for the order of summation, which an optimiser carries on."""
    pairs = zip(one.named_parameters(), other.parameters(), strict=True)
    for (name, ours), theirs in pairs:
        if not name.startswith("head"):
            assert torch.equal(ours, theirs)
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def untimed(history: tuple[Epoch, ...]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in history]


# The same training


@pytest.mark.parametrize("balance", ["none", "sampler", "loss-weights", "copies"])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_view_an_epoch_gives_the_weights_of_a_training_without_cache(
    frozen: Recipe, cases: TrainingCases, build: Build, balance: str, accumulate: int
) -> None:
    optimisation = replace(frozen.optimisation, balance=balance, accumulate=accumulate)  # type: ignore[arg-type]
    recipe = replace(frozen, optimisation=optimisation)
    rare = replace(cases, targets=(np.arange(60) % 4 == 0).astype(np.int64))
    if balance == "copies":
        rare = replace(rare, train=add_copies(rare.train, rare.targets, recipe.copies))
    cached, fitted = train(recipe, rare, build)
    plain, expected = train(with_views(recipe, "none"), rare, build)
    assert_alike(cached, plain)
    for one, other in zip(fitted.history, expected.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-5)
        assert one.val_loss == pytest.approx(other.val_loss, abs=1e-5)
        assert one.train_accuracy == other.train_accuracy
        assert other.features == ""
    assert [epoch.features for epoch in fitted.history] == [
        f"view {number} of 4 by torch in float32" for number in range(1, 5)
    ]


def test_so_does_openvino(
    frozen: Recipe, cases: TrainingCases, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxrlens.inference.feature_engine._WORTH_TRANSLATING", 160)
    # Batches side by side, whatever the machine has.
    monkeypatch.setattr("cxrlens.inference.feature_engine.count_streams", lambda: 3)
    cached, fitted = train(frozen, cases, build)
    assert fitted.history[0].features == "view 1 of 4 by openvino in float32"
    plain, _ = train(with_views(frozen, "none"), cases, build)
    assert_alike(cached, plain)


def test_several_labels(frozen: Recipe, several_labels: TrainingCases, build: Build) -> None:
    recipe = replace(frozen, optimisation=replace(frozen.optimisation, balance="loss-weights"))
    cached, _ = train(recipe, several_labels, build)
    plain, _ = train(with_views(recipe, "none"), several_labels, build)
    assert_alike(cached, plain)


def test_a_norm_after_pooling_learns_on_cached_features(cases: TrainingCases) -> None:
    """ConvNeXt's lies in a module that is called head as ours is, and moves with it."""
    options = ["precision=float32", "batch_size=8", "epochs=2", "trainable=[head]"]
    recipe = load_recipe("default", options)
    networks = []
    for views in ("epochs", "none"):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = build_classifier(NetworkSpec("convnext_atto"), 2, (32, 32))
        norm = network.backbone.find_pooled_norm()
        assert norm is not None
        before = norm.weight.detach().clone()
        fitted = fit(network, cases, with_views(recipe, views), Silence())
        assert bool(fitted.history[0].features) == (views == "epochs")
        assert not torch.equal(before, norm.weight)
        networks.append(network)
    assert_alike(*networks)


# Fixed views


def test_one_view_is_a_training_on_images_that_are_varied_once(
    frozen: Recipe, cases: TrainingCases, build: Build
) -> None:
    """The views are drawn, kept as images, and trained on without cache or augmentation."""
    shown = ShownImages(cases, frozen, lambda tensor: tensor)
    views = shown.vary_view(0, cases.train)[:, 0].numpy()
    assert np.abs(views - cases.pixels[cases.train] / 65535).max() > 0.05
    fixed = cases.pixels.copy()
    fixed[cases.train] = np.rint(views * 65535).astype(np.uint16)
    still = replace(frozen.augmentation, shift=0.0, brightness=0.0, contrast=0.0)
    plain, _ = train(
        with_views(replace(frozen, augmentation=still), "none"),
        replace(cases, pixels=fixed),
        build,
    )
    cached, fitted = train(with_views(frozen, 1), cases, build)
    assert {epoch.features for epoch in fitted.history} == {"view 1 of 1 by torch in float32"}
    assert_alike(cached, plain)


def test_epochs_take_the_views_in_turns_and_each_is_computed_once(
    frozen: Recipe, cases: TrainingCases, build: Build
) -> None:
    watch = Watch()
    _, fitted = train(with_views(frozen, 3), cases, build, watch)
    assert [epoch.features[:11] for epoch in fitted.history] == [
        "view 1 of 3", "view 2 of 3", "view 3 of 3", "view 1 of 3"
    ]  # fmt: skip
    told = [(done, total) for task, done, total in watch.told if "of 3 views" in task]
    assert told == [(32, 120), (40, 120), (72, 120), (80, 120), (112, 120), (120, 120)]
    assert watch.count("compute the features of the validation part") == 1


def test_more_views_than_epochs_are_not_computed(
    frozen: Recipe, cases: TrainingCases, build: Build
) -> None:
    many, few = Watch(), Watch()
    one, _ = train(with_views(frozen, 9), cases, build, many)
    other, _ = train(with_views(frozen, 4), cases, build, few)
    assert many.count("compute") == few.count("compute")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


# Stages


def test_a_stage_that_moves_all_is_not_cached_and_the_next_computes_anew(
    frozen: Recipe, cases: TrainingCases, build: Build
) -> None:
    stages = (
        {**FROZEN, "epochs": 1},
        {"trainable": ("*",), "epochs": 1},
        {**FROZEN, "epochs": 1},
    )
    staged = with_views(set_stages(frozen, *stages), "auto")
    cached, fitted = train(staged, cases, build)
    assert [bool(epoch.features) for epoch in fitted.history] == [True, False, True]
    plain, _ = train(with_views(staged, "none"), cases, build)
    torch.testing.assert_close(
        cached.state_dict(), plain.state_dict(), rtol=1e-2, atol=2e-3, check_stride=False
    )


def test_what_stands_still_between_two_stages_is_computed_once(
    frozen: Recipe, cases: TrainingCases, build: Build
) -> None:
    watch = Watch()
    staged = set_stages(frozen, {**FROZEN, "epochs": 2}, {**FROZEN, "epochs": 2})
    train(with_views(staged, 2), cases, build, watch)
    assert watch.count("compute the features of 2 views") == 4  # two batches a view
    assert watch.count("compute the features of the validation part") == 1


@pytest.mark.parametrize("views", [2, "epochs"])
def test_views_of_a_stage_that_moves_the_backbone_are_refused(
    frozen: Recipe, cases: TrainingCases, build: Build, views: object
) -> None:
    wrong = with_views(set_stages(frozen, {"trainable": ("blocks.4", "head")}), views)
    with pytest.raises(RecipeError, match=r"views of stage 's0' is .*'blocks\.4\..*views=none"):
        train(wrong, cases, build)


# Going on


@pytest.mark.parametrize("where", [("epochs", 3), ("epochs", 10), (2, 7), (2, 14)])
def test_an_interrupted_training_ends_in_the_same_weights_to_the_bit(
    frozen: Recipe, cases: TrainingCases, build: Build, is_same: Callable[..., bool],
    tmp_path: Path, where: tuple[object, int],
) -> None:  # fmt: skip
    views, step = where
    recipe = with_views(frozen, views)
    whole, expected = train(recipe, cases, build)
    keeping = Keeping(tmp_path, IDENTITY)
    with pytest.raises(Stop):
        fit(build(recipe), cases, recipe, Watch(step), keeping)
    resumed = build(recipe)
    history = fit(resumed, cases, recipe, Silence(), keeping).history
    assert is_same(whole, resumed)
    assert untimed(history) == untimed(expected.history)


def test_features_on_disk_change_nothing(
    frozen: Recipe, cases: TrainingCases, build: Build, is_same: Callable[..., bool],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    recipe = with_views(frozen, 2)
    in_memory, _ = train(recipe, cases, build)
    monkeypatch.setattr("cxrlens.training.feature_store.MOST_BYTES", 1000)
    on_disk = build(recipe)
    fit(on_disk, cases, recipe, Silence(), Keeping(tmp_path, IDENTITY))
    assert is_same(in_memory, on_disk)
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"checkpoint", "classes.csv", "epochs.csv", "logs"}
