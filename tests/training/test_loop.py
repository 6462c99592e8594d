"""A network learns stage by stage, the best epoch is kept, nothing frozen moves.

SPDX-License-Identifier: Apache-2.0
"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.training import Recipe, load_recipe
from cxrlens.training.loop import CHECKPOINT_FILE, Keeping, fit
from cxrlens.vocabulary import Epoch, InputError, OutputError, RecipeError, Silence

IDENTITY = {"recipe": "a" * 64, "data fingerprint": "b" * 64}


def make_stages(recipe: Recipe, *changes: dict[str, object]) -> Recipe:
    """Give a recipe as many stages as there are changes."""
    first = recipe.stages[0]
    stages = (replace(first, name=f"s{i}", **one) for i, one in enumerate(changes))  # type: ignore[arg-type]
    return replace(recipe, stages=tuple(stages))


def untimed(history: tuple[Epoch, ...]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in history]


def test_it_learns_and_leaves_the_best_epoch_in_eval_mode(recipe, cases, build) -> None:
    network = build(recipe)
    history = fit(network, cases, recipe, Silence()).history
    assert not network.training
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4]
    (best,) = [epoch for epoch in history if epoch.is_best]
    images = torch.from_numpy(cases.pixels[cases.validation].astype(np.float32) / 65535)[:, None]
    with torch.no_grad():
        logits = network(images).logits
    targets = torch.from_numpy(cases.targets[cases.validation])
    loss = float(torch.nn.functional.cross_entropy(logits, targets))
    assert loss == pytest.approx(best.val_loss, abs=1e-5)
    assert float((logits.argmax(1) == targets).float().mean()) == pytest.approx(best.val_accuracy)
    assert best.val_auroc == 1.0


def test_every_step_is_told_with_the_parameters_that_move(recipe, cases, build, count) -> None:
    network = build(recipe)
    fit(network, cases, recipe, count)
    n = sum(parameter.numel() for parameter in network.parameters())
    task = f"train everything ({n:,} of {n:,} parameters)"
    assert count.steps == [(task, done, 20) for done in range(1, 21)]


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before(
    recipe, cases, build, is_same
) -> None:
    first, second = build(recipe), build(recipe)
    fit(first, cases, recipe, Silence())
    torch.rand(7)
    fit(second, cases, recipe, Silence())
    assert is_same(first, second)
    other = build(recipe)
    fit(other, cases, replace(recipe, seed=1), Silence())
    assert not is_same(first, other)


def test_the_callers_random_numbers_are_left_alone(recipe, cases, build) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    fit(build(recipe), cases, recipe, Silence())
    assert torch.equal(torch.rand(2), expected)


def test_lightning_says_nothing() -> None:
    """In a process of its own, where pytest has put no handlers."""
    code = """
import numpy as np
from cxrlens.network import build_classifier
from cxrlens.training import load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.loop import fit
from cxrlens.vocabulary import Silence
options = ["height=32", "width=32", "network.options.width=4", "precision=bfloat16", "epochs=1"]
recipe = load_recipe("phantom", options)
pixels = np.zeros((8, 32, 32), dtype=np.uint16)
cases = TrainingCases(pixels, np.arange(8) % 2, np.arange(4), np.arange(4, 8), 2)
fit(build_classifier(recipe.network, 2, (32, 32)), cases, recipe, Silence())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_validation_images_do_not_move_the_weights(recipe, cases, build, small, is_same) -> None:
    other = cases.pixels.copy()
    other[cases.validation] = 65535 - other[cases.validation]
    changed = replace(cases, pixels=other)
    once = load_recipe("phantom", [*small, "epochs=1"])
    first, second = build(recipe), build(recipe)
    fit(first, cases, once, Silence())
    fit(second, changed, once, Silence())
    assert is_same(first, second)


def test_a_batch_of_one_image_is_never_made(recipe, cases, build, count) -> None:
    odd = replace(cases, train=np.arange(33))
    fit(build(recipe), odd, recipe, count)
    assert count.steps[-1][1:] == (16, 16)


def test_a_pretrained_kind_of_network_trains_too(cases) -> None:
    recipe = load_recipe("default", ["epochs=1", "precision=float32", "batch_size=16"])
    network = build_classifier(NetworkSpec("resnet18"), 2, (32, 32))
    history = fit(network, cases, recipe, Silence()).history
    assert np.isfinite(history[0].train_loss)
    assert set(history[0].learning_rates) == {"rest", "head"}


@pytest.mark.parametrize("epochs", range(1, 5))
@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "step", "constant"])
def test_any_number_of_steps_has_a_schedule(cases, build, small, epochs, schedule) -> None:
    """One batch an epoch: the end of the warm-up may fall on the first step."""
    few = replace(cases, train=np.arange(8))
    options = [*small, f"epochs={epochs}", "warm_up=0.25", f"schedule={schedule}"]
    recipe = load_recipe("phantom", options)
    assert len(fit(build(recipe), few, recipe, Silence()).history) == epochs


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns(recipe, cases, build, optimiser) -> None:
    one = make_stages(recipe, {"optimiser": optimiser, "epochs": 3})
    history = fit(build(one), cases, one, Silence()).history
    assert history[-1].train_loss < history[0].train_loss


# Stages


def test_what_is_frozen_stays_to_the_bit_with_its_statistics(recipe, cases, build) -> None:
    staged = make_stages(recipe, {"trainable": ("head", "blocks.4"), "epochs": 2})
    network = build(staged)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fit(network, cases, staged, Silence())
    moved = {key for key, value in network.state_dict().items() if not before[key].equal(value)}
    assert moved
    assert all(key.startswith(("head.", "backbone.network.blocks.4.")) for key in moved)
    assert any(key.endswith("running_mean") for key in moved)
    assert any(key.endswith("running_mean") for key in before.keys() - moved)


@pytest.mark.parametrize(
    ("backbone", "side", "moving"),
    [("resnet18", 32, "layer4"), ("inception_v3", 75, "Mixed_7c")],
)
def test_frozen_statistics_of_a_known_network_stay_to_the_bit(
    recipe, cases, backbone, side, moving
) -> None:
    """Through two whole stages: all of it frozen, then all but its last block."""
    staged = make_stages(
        recipe,
        {"trainable": ("head",), "epochs": 1, "rate_factors": {}},
        {"trainable": (moving, "head"), "epochs": 1, "rate_factors": {}},
    )
    larger = np.kron(cases.pixels, np.ones((1, 3, 3), np.uint16))[:, :side, :side]
    few = replace(cases, pixels=larger, train=np.arange(16), validation=np.arange(40, 48))
    network = build_classifier(NetworkSpec(backbone), 2, (side, side))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    history = fit(network, few, staged, Silence()).history
    assert [epoch.stage for epoch in history] == ["s0", "s1"]
    kept = "head." if history[0].is_best else ("head.", f"backbone.network.{moving}.")
    moved = {key for key, value in network.state_dict().items() if not before[key].equal(value)}
    assert moved
    assert all(key.startswith(kept) for key in moved)
    still = [key for key in before if not key.startswith(kept)]
    assert sum(key.endswith(("running_mean", "running_var")) for key in still) > 20


def test_a_fully_frozen_backbone_gives_the_gradient_of_a_head_alone(recipe, cases, build) -> None:
    """A second writing: one step of plain gradient descent on the pooled features."""
    change = {"trainable": ("head",), "optimiser": "sgd", "momentum": 0.0, "epochs": 1,
              "schedule": "constant", "warm_up": 0.0, "weight_decay": 0.0}  # fmt: skip
    plain = replace(
        make_stages(recipe, change),
        augmentation=replace(recipe.augmentation, shift=0.0, brightness=0.0, contrast=0.0),
        optimisation=replace(recipe.optimisation, label_smoothing=0.0, batch_size=40),
    )
    network = build(plain).eval()
    pixels = torch.from_numpy(cases.pixels[:40].astype(np.float32) / 65535)[:, None]
    with torch.no_grad():
        features = network.backbone((pixels - network.mean) / network.std).mean(dim=(2, 3))
    weight = network.head.output.weight.detach().clone()
    bias = network.head.output.bias.detach().clone()
    wrong = (features @ weight.T + bias).softmax(1) - torch.eye(2)[
        torch.from_numpy(cases.targets)[:40]
    ]
    fit(network, cases, plain, Silence())
    rate = plain.stages[0].learning_rate
    expected = weight - rate * wrong.T @ features / 40
    torch.testing.assert_close(network.head.output.weight.detach(), expected)


def test_stages_follow_each_other_and_the_best_epoch_of_all_is_kept(recipe, cases, build) -> None:
    staged = make_stages(
        recipe, {"trainable": ("head",), "epochs": 2}, {"epochs": 3, "learning_rate": 0.003}
    )
    history = fit(build(staged), cases, staged, Silence()).history
    assert [epoch.stage for epoch in history] == ["s0", "s0", "s1", "s1", "s1"]
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4, 5]
    best = max(history, key=lambda epoch: (epoch.val_auroc, -epoch.val_loss))
    assert [epoch.is_best for epoch in history] == [epoch == best for epoch in history]


def test_a_stage_starts_from_the_best_weights_so_far(recipe, cases, build, is_same) -> None:
    """A second stage that moves hardly leaves the weights of the first's best epoch."""
    spoilt = {"epochs": 3, "schedule": "step", "step_epochs": 1, "gamma": 1.0, "warm_up": 0.0}
    still = {"epochs": 1, "learning_rate": 1e-30, "trainable": ("head",), "weight_decay": 0.0}
    alone, both = make_stages(recipe, spoilt), make_stages(recipe, spoilt, still)
    first, second = build(alone), build(both)
    fit(first, cases, alone, Silence())
    history = fit(second, cases, both, Silence()).history
    assert is_same(first, second)
    best = next(epoch for epoch in history if epoch.is_best)
    assert history[-1].val_loss == pytest.approx(best.val_loss, abs=1e-6)


def test_a_pattern_that_fits_nothing_names_the_groups(recipe, cases, build) -> None:
    wrong = make_stages(recipe, {"trainable": ("layer4", "head")})
    with pytest.raises(RecipeError, match=r"'layer4'.*there are stem, blocks, head"):
        fit(build(wrong), cases, wrong, Silence())


def test_early_stopping_ends_a_stage_and_goes_on_with_the_next(recipe, cases, build) -> None:
    still = {"epochs": 9, "learning_rate": 1e-30, "weight_decay": 0.0, "trainable": ("head",)}
    patient = replace(recipe.optimisation, early_stopping=2)
    staged = replace(make_stages(recipe, still, still), optimisation=patient)
    history = fit(build(staged), cases, staged, Silence()).history
    # The first epoch of all is the best; then two without a better one end each stage.
    assert [epoch.stage for epoch in history] == ["s0"] * 3 + ["s1"] * 2


def test_gathered_gradients_are_those_of_one_large_batch(recipe, cases, build) -> None:
    """With norms that stand still; the loss weights make every batch weigh differently."""
    change = {"trainable": ("head",), "epochs": 2}
    nothing = replace(recipe.augmentation, shift=0.0, brightness=0.0, contrast=0.0)
    common = replace(recipe.optimisation, balance="loss-weights")
    networks = []
    for size, gathered in ((32, 1), (8, 4)):
        optimisation = replace(common, batch_size=size, accumulate=gathered)
        one = replace(make_stages(recipe, change), optimisation=optimisation, augmentation=nothing)
        uneven = replace(
            cases, targets=(np.arange(60) % 5 == 0).astype(np.int64), train=np.arange(32)
        )
        network = build(one)
        fit(network, uneven, one, Silence())
        networks.append(network)
    torch.testing.assert_close(
        networks[0].head.output.weight, networks[1].head.output.weight, rtol=1e-4, atol=1e-6
    )


def test_long_gradients_are_clipped(recipe, cases, build) -> None:
    change = {"optimiser": "sgd", "momentum": 0.0, "epochs": 1, "schedule": "constant",
              "weight_decay": 0.0, "warm_up": 0.0, "learning_rate": 1.0}  # fmt: skip
    clip = replace(recipe.optimisation, gradient_clip=1e-3, batch_size=40)
    one = replace(make_stages(recipe, change), optimisation=clip)
    network = build(one)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    fit(network, cases, one, Silence())
    moves = [(a - b).flatten() for a, b in zip(network.parameters(), before, strict=True)]
    assert float(torch.cat(moves).detach().norm()) == pytest.approx(1e-3, rel=0.01)


# Several labels


def test_several_labels_are_learnt_where_they_are_known(recipe, several_labels, build) -> None:
    network = build(recipe, 3)
    history = fit(network, several_labels, recipe, Silence()).history
    assert history[-1].train_loss < history[0].train_loss
    pixels = several_labels.pixels[several_labels.validation].astype(np.float32) / 65535
    with torch.no_grad():
        logits = network(torch.from_numpy(pixels)[:, None]).logits.numpy()
    truth = several_labels.targets[several_labels.validation, 0] == 1
    assert logits[truth, 0].min() > logits[~truth, 0].max()


# What goes wrong


def test_a_training_that_diverges_at_once_is_refused(recipe, cases, build) -> None:
    wild = make_stages(recipe, {"learning_rate": 1e30})
    with pytest.raises(
        InputError, match=r"diverged.*'s0'.*stages.1.learning_rate, which is 1e\+30"
    ):
        fit(build(wild), cases, wild, Silence())


def test_a_training_that_diverges_later_keeps_the_last_good_weights(
    recipe, cases, build, is_same, tmp_path
) -> None:
    good = {"epochs": 2}
    wild = {"epochs": 2, "learning_rate": 1e30, "warm_up": 0.0}
    alone, both = make_stages(recipe, good), make_stages(recipe, good, wild)
    first, second = build(alone), build(both)
    fit(first, cases, alone, Silence())
    fitted = fit(second, cases, both, Silence(), Keeping(tmp_path, IDENTITY))
    assert fitted.divergence is not None
    assert "'s1'" in fitted.divergence
    assert len(fitted.history) == 2
    assert is_same(first, second)


def test_no_checkpoint_holds_a_spoilt_weight(recipe, cases, build, tmp_path) -> None:
    """Saved after every step: the step that spoils it is never written."""
    every = replace(recipe.optimisation, checkpoint_steps=1)
    wild = {"epochs": 2, "learning_rate": 1e30, "warm_up": 0.0}
    both = replace(make_stages(recipe, {"epochs": 1}, wild), optimisation=every)
    fit(build(both), cases, both, Silence(), Keeping(tmp_path, IDENTITY))
    from safetensors.torch import load

    tensors = load((tmp_path / CHECKPOINT_FILE).read_bytes()[65:])
    assert all(value.isfinite().all() for value in tensors.values())


# Going on


class Stop(Exception):
    """A training is interrupted."""


class StopAt:
    """Interrupts after so many steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    def advance(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stop


@pytest.fixture
def staged(recipe: Recipe) -> Recipe:
    """Two stages of 2 epochs of 5 steps, the first frozen; dropout, augmentation, saved often."""
    optimisation = replace(recipe.optimisation, checkpoint_steps=3, label_smoothing=0.1)
    stages: tuple[dict[str, object], ...] = (
        {"trainable": ("head",), "epochs": 2, "optimiser": "adam"},
        {"epochs": 2, "optimiser": "sgd", "learning_rate": 0.01, "rate_factors": {"head": 3.0}},
    )
    network = replace(recipe.network, hidden=(6,), dropout=0.5)
    return replace(make_stages(recipe, *stages), optimisation=optimisation, network=network)


SLOW_STEPS = [pytest.param(step, marks=pytest.mark.slow) for step in (0, 2, 4, 5, 8, 11, 17, 19)]


@pytest.mark.parametrize("step", [3, 10, 14, *SLOW_STEPS])
def test_an_interrupted_training_ends_in_the_same_weights(
    staged, cases, build, is_same, tmp_path, step
) -> None:
    whole, halves = build(staged), build(staged)
    expected = fit(whole, cases, staged, Silence()).history
    keeping = Keeping(tmp_path, IDENTITY)
    with pytest.raises(Stop):
        fit(halves, cases, staged, StopAt(step), keeping)
    resumed = build(staged)
    history = fit(resumed, cases, staged, Silence(), keeping).history
    assert is_same(whole, resumed)
    assert untimed(history) == untimed(expected)


def test_interrupted_again_and_again(staged, cases, build, is_same, tmp_path) -> None:
    whole = build(staged)
    fit(whole, cases, staged, Silence())
    keeping = Keeping(tmp_path, IDENTITY)
    for _ in range(4):
        with pytest.raises(Stop):
            fit(build(staged), cases, staged, StopAt(4), keeping)
    resumed = build(staged)
    fit(resumed, cases, staged, Silence(), keeping)
    assert is_same(whole, resumed)


def test_a_finished_training_is_taken_as_it_is(
    staged, cases, build, is_same, tmp_path, count
) -> None:
    keeping = Keeping(tmp_path, IDENTITY)
    first, second = build(staged), build(staged)
    expected = fit(first, cases, staged, Silence(), keeping).history
    history = fit(second, cases, staged, count, keeping).history
    assert history == expected
    assert is_same(first, second)
    assert not count.steps


def test_keeping_changes_nothing(recipe, cases, build, is_same, tmp_path) -> None:
    """Nor do the graph, the first batch and the events that are drawn from the network."""
    silent, kept = build(recipe), build(recipe)
    expected = fit(silent, cases, recipe, Silence()).history
    history = fit(kept, cases, recipe, Silence(), Keeping(tmp_path, IDENTITY)).history
    assert untimed(history) == untimed(expected)
    assert is_same(silent, kept)


@pytest.mark.parametrize("name", list(IDENTITY))
def test_another_training_is_refused_by_name(recipe, cases, build, tmp_path, name) -> None:
    fit(build(recipe), cases, recipe, Silence(), Keeping(tmp_path, IDENTITY))
    other = {**IDENTITY, name: "c" * 64}
    with pytest.raises(OutputError, match=f"its {name} is .*…, this one's cccccccccccc…"):
        fit(build(recipe), cases, recipe, Silence(), Keeping(tmp_path, other))


def test_precision_is_not_measured_again(recipe, cases, build, tmp_path) -> None:
    """What was begun in bfloat16 goes on in it, however busy the machine has become."""
    half = replace(recipe, optimisation=replace(recipe.optimisation, precision="bfloat16"))
    auto = replace(recipe, optimisation=replace(recipe.optimisation, precision="auto"))
    keeping = Keeping(tmp_path, IDENTITY)
    with pytest.raises(Stop):
        fit(build(half), cases, half, StopAt(7), keeping)
    resumed, whole = build(auto), build(half)
    fit(resumed, cases, auto, Silence(), keeping)
    fit(whole, cases, half, Silence())
    for one, other in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)
