import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.training.loop import TrainingCases, compute_auroc, fit
from cxrlens.training.recipe import Recipe, load_recipe
from cxrlens.vocabulary import Silence


class Count:
    """Counts steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    def advance(self, task: str, done: int, total: int) -> None:
        self.steps.append((task, done, total))


@pytest.fixture
def recipe(quick: list[str]) -> Recipe:
    return load_recipe("phantom", [*quick, "batch_size=8", "epochs=4", "learning_rate=0.01"])


@pytest.fixture
def cases() -> TrainingCases:
    """Class 1 is bright on the left, class 0 on the right."""
    random = np.random.default_rng(0)
    targets = np.arange(60) % 2
    pixels = random.integers(0, 20000, (60, 64, 64)).astype(np.uint16)
    for image, target in zip(pixels, targets, strict=True):
        image[:, slice(0, 32) if target else slice(32, 64)] += 20000
    return TrainingCases(pixels, targets, np.arange(40), np.arange(40, 60))


def build(recipe: Recipe) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_classifier(recipe.network, 2, (64, 64))


def test_it_learns_and_leaves_the_best_epoch_in_eval_mode(
    recipe: Recipe, cases: TrainingCases
) -> None:
    network = build(recipe)
    history = fit(network, cases, recipe, Silence())
    assert not network.training
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4]
    (best,) = [epoch for epoch in history if epoch.is_best]
    images = torch.from_numpy(cases.pixels[cases.validation].astype(np.float32) / 65535)[:, None]
    with torch.no_grad():
        logits = network(images).logits
    targets = torch.from_numpy(cases.targets[cases.validation])
    loss = float(torch.nn.functional.cross_entropy(logits, targets))
    assert loss == pytest.approx(best.val_loss, abs=1e-5)
    assert best.val_auroc == 1.0


def test_every_step_is_told(recipe: Recipe, cases: TrainingCases) -> None:
    progress = Count()
    fit(build(recipe), cases, recipe, progress)
    assert progress.steps == [("train", done, 20) for done in range(1, 21)]


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before(
    recipe: Recipe, cases: TrainingCases
) -> None:
    first, second = build(recipe), build(recipe)
    fit(first, cases, recipe, Silence())
    torch.rand(7)
    fit(second, cases, recipe, Silence())
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_callers_random_numbers_are_left_alone(recipe: Recipe, cases: TrainingCases) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    fit(build(recipe), cases, recipe, Silence())
    assert torch.equal(torch.rand(2), expected)


def test_validation_images_do_not_move_the_weights(recipe: Recipe, cases: TrainingCases) -> None:
    other = cases.pixels.copy()
    other[cases.validation] = 65535 - other[cases.validation]
    changed = TrainingCases(other, cases.targets, cases.train, cases.validation)
    once = load_recipe("phantom", ["epochs=1", "height=64", "width=64", "network.options.width=8"])
    first, second = build(recipe), build(recipe)
    fit(first, cases, once, Silence())
    fit(second, changed, once, Silence())
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("k", [2, 4])
def test_auroc_is_that_of_scikit_learn(k: int) -> None:
    random = np.random.default_rng(k)
    targets = np.arange(80) % k
    raw = random.random((80, k))
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    if k == 2:
        expected = roc_auc_score(targets, probabilities[:, 1])
    else:
        expected = roc_auc_score(targets, probabilities, multi_class="ovr")
    assert compute_auroc(probabilities, targets) == pytest.approx(expected)
    assert compute_auroc(probabilities, np.zeros(80, dtype=np.int64)) is None


def test_a_batch_of_one_image_is_never_made(recipe: Recipe, cases: TrainingCases) -> None:
    odd = TrainingCases(cases.pixels, cases.targets, np.arange(33), cases.validation)
    progress = Count()
    fit(build(recipe), odd, recipe, progress)
    assert progress.steps[-1] == ("train", 16, 16)


def test_a_pretrained_kind_of_network_trains_too(cases: TrainingCases) -> None:
    recipe = load_recipe("default", ["epochs=1", "precision=float32", "batch_size=16"])
    network = build_classifier(NetworkSpec("resnet18"), 2, (64, 64))
    history = fit(network, cases, recipe, Silence())
    assert np.isfinite(history[0].train_loss)


@pytest.mark.parametrize("epochs", range(1, 9))
def test_any_number_of_steps_has_a_schedule(cases: TrainingCases, epochs: int) -> None:
    """One batch an epoch: the end of the warm-up may fall on the first step."""
    few = TrainingCases(cases.pixels, cases.targets, np.arange(8), cases.validation)
    options = ["height=64", "width=64", "network.options.width=4", "precision=float32"]
    recipe = load_recipe("phantom", [*options, f"epochs={epochs}", "warm_up=0.2"])
    assert len(fit(build(recipe), few, recipe, Silence())) == epochs
