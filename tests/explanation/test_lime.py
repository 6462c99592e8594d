"""LIME on a small network: the answer, its seed, and when it stops.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from lime.lime_image import LimeImageExplainer
from scipy.stats import spearmanr

from cxrlens.explanation import Question, explain_lime, find_method
from cxrlens.explanation.superpixels import segment
from cxrlens.explanation.surrogate import fit_surrogate, weigh_samples
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import GreyImage, InputError, LimeExplanation, LimeSettings

CLASSES = ("covid", "normal", "pneumonia")
SETTINGS = LimeSettings(n_segments=16, n_samples=300, stop_at=1.0)


@pytest.fixture(scope="module")
def found(tiny_engine: TorchEngine, small_chest: GreyImage) -> LimeExplanation:
    return explain_lime(tiny_engine, small_chest, CLASSES, SETTINGS)


def test_the_likeliest_classes_come_first(
    found: LimeExplanation, tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    logits = tiny_engine.run(small_chest[None]).logits[0].astype(float)
    order = np.argsort(-logits)
    assert found.classes == tuple(CLASSES[index] for index in order)
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(found.probabilities, expected[order], atol=1e-5)
    assert found.weights.shape == (3, found.segments.max() + 1)
    assert found.n_samples == 300
    two = explain_lime(tiny_engine, small_chest, CLASSES, replace(SETTINGS, top_labels=2))
    assert two.classes == found.classes[:2]
    np.testing.assert_array_equal(two.weights, found.weights[:2])


def test_the_same_seed_gives_the_same_answer_and_another_another(
    found: LimeExplanation, tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    again, other = (
        explain_lime(tiny_engine, small_chest, CLASSES, replace(SETTINGS, seed=seed))
        for seed in (0, 1)
    )
    np.testing.assert_array_equal(again.weights, found.weights)
    np.testing.assert_array_equal(again.stability, found.stability)
    assert (other.weights != found.weights).any()
    np.testing.assert_array_equal(other.segments, found.segments)


def test_the_stability_foretells_other_seeds(
    tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    settings = replace(SETTINGS, n_samples=150, segments="grid", n_segments=36)
    runs = [
        explain_lime(tiny_engine, small_chest, CLASSES, replace(settings, seed=seed))
        for seed in range(8)
    ]
    foretold = np.mean([run.stability for run in runs], axis=0)
    for k in range(3):
        pairs = [
            spearmanr(a.weights[k], b.weights[k]).statistic
            for i, a in enumerate(runs)
            for b in runs[:i]
        ]
        assert foretold[k] == pytest.approx(np.mean(pairs), abs=0.08)


def test_it_stops_when_it_has_settled(tiny_engine: TorchEngine, small_chest: GreyImage) -> None:
    soon = explain_lime(tiny_engine, small_chest, CLASSES, replace(SETTINGS, stop_at=0.5))
    assert soon.n_samples == 128
    assert (soon.stability > 0.5).all()
    short = explain_lime(tiny_engine, small_chest, CLASSES, replace(SETTINGS, n_samples=128))
    np.testing.assert_allclose(soon.weights, short.weights, atol=1e-6)
    odd = explain_lime(tiny_engine, small_chest, CLASSES, replace(SETTINGS, n_samples=130))
    assert odd.n_samples == 130


def test_the_same_order_as_the_lime_package_with_its_own_samples(
    found: LimeExplanation, tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    """Its loop, its samples, its regression; our regression on the same samples ranks alike."""

    def classify(images: np.ndarray) -> np.ndarray:
        logits = tiny_engine.run(images[..., 0]).logits.astype(np.float64)
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    explainer = LimeImageExplainer(random_state=0)
    colour = np.repeat(small_chest[:, :, None], 3, axis=2)
    theirs = explainer.explain_instance(
        colour, classify, hide_color=0, top_labels=3, num_samples=300,
        segmentation_fn=lambda _: found.segments, random_seed=0,
    )  # fmt: skip
    twin = LimeImageExplainer(random_state=0)
    data, labels = twin.data_labels(colour, np.zeros_like(colour), found.segments, classify, 300)
    kept = data.astype(bool)
    ours = fit_surrogate(kept, labels, weigh_samples(kept, 0.25), 1.0)
    assert [CLASSES[label] for label in theirs.top_labels] == list(found.classes)
    for label in theirs.top_labels:
        weights = [weight for _, weight in sorted(theirs.local_exp[label])]
        assert spearmanr(weights, ours.weights[label]).statistic >= 0.95
        np.testing.assert_allclose(weights, ours.weights[label], atol=1e-6)
        own = found.weights[found.find(CLASSES[label])]  # other samples, so near it only
        assert spearmanr(weights, own).statistic >= 0.8


@pytest.mark.parametrize("is_multilabel", [False, True])
def test_the_method_paints_the_weights_of_the_target(
    tiny_engine: TorchEngine, small_chest: GreyImage, is_multilabel: bool
) -> None:
    pixels = np.stack([small_chest, small_chest[:, ::-1]])
    question = Question(pixels, np.array([2, 0]), is_multilabel)
    method = find_method("lime")
    maps = method.make(tiny_engine, question, SETTINGS)
    for image, grid, target in zip(pixels, maps, ("pneumonia", "covid"), strict=True):
        alone = explain_lime(
            tiny_engine, image, CLASSES, SETTINGS, targets=[target], is_multilabel=is_multilabel
        )
        assert alone.classes == (target,)
        np.testing.assert_array_equal(grid, alone.make_heatmap(target).grid)
    assert method.is_signed


def test_a_constant_image_gives_a_map_that_says_nothing(tiny_engine: TorchEngine) -> None:
    grey = np.full((48, 48), 0.5, np.float32)
    found = explain_lime(tiny_engine, grey, CLASSES, replace(SETTINGS, stop_at=0.9))
    assert found.n_samples == 128
    assert found.weights.shape == (3, 1)
    assert np.isnan(found.stability).all()
    assert not any(found.make_heatmap(name).is_usable for name in CLASSES)


def test_a_network_that_does_not_look_gives_a_map_that_says_nothing(
    make_damaged: Callable[[float], TorchEngine], small_chest: GreyImage
) -> None:
    engine = make_damaged(0.25)
    with torch.no_grad():
        engine.network.head.output.weight.zero_()
    found = explain_lime(engine, small_chest, CLASSES, replace(SETTINGS, stop_at=0.9))
    assert found.n_samples == 128
    assert not found.weights.any()
    assert np.isnan(found.r2).all()
    assert np.isnan(found.stability).all()
    assert not found.make_heatmap("covid").is_usable


def test_an_unknown_target_is_named(tiny_engine: TorchEngine, small_chest: GreyImage) -> None:
    with pytest.raises(InputError, match="unknown target 'covit'; did you mean 'covid'"):
        explain_lime(tiny_engine, small_chest, CLASSES, SETTINGS, targets=["covit"])


def test_damaged_weights_are_told(
    make_damaged: Callable[[float], TorchEngine], small_chest: GreyImage
) -> None:
    with pytest.raises(InputError, match="weights are damaged"):
        explain_lime(make_damaged(np.nan), small_chest, CLASSES, SETTINGS)


def test_the_pieces_are_those_of_the_settings(
    tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    few = replace(SETTINGS, segments="grid", n_segments=4, n_samples=20)
    found = explain_lime(tiny_engine, small_chest, CLASSES, few)
    np.testing.assert_array_equal(found.segments, segment(small_chest, "grid", 4))
