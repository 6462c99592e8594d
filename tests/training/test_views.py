"""Views are cached where the head alone moves, and refused by name elsewhere.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from cxrlens.network import MapClassifier
from cxrlens.training import Recipe, build_initial_network, load_recipe
from cxrlens.training.views import resolve_views
from cxrlens.vocabulary import RecipeError

Build = Callable[..., MapClassifier]

CASES = [
    (("head",), "auto", "epochs"),
    (("head",), "epochs", "epochs"),
    (("head",), 3, 3),
    (("head",), "none", "none"),
    (("head.output",), "auto", "epochs"),
    (("*",), "auto", "none"),
    (("*",), "none", "none"),
    (("blocks.4", "head"), "auto", "none"),
]


@pytest.mark.parametrize(("trainable", "views", "expected"), CASES)
def test_what_is_asked_for_and_what_moves_decide(
    recipe: Recipe, build: Build, trainable: tuple[str, ...], views: object, expected: object
) -> None:
    stage = replace(recipe.stages[0], trainable=trainable, views=views)  # type: ignore[arg-type]
    assert resolve_views(build(recipe), stage) == expected


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("pneumonia-resnet152", ["epochs"]),
        ("covid-inceptionv3", ["epochs"]),
        ("pneumonia-resnet34", ["epochs", "none"]),
        ("pneumothorax-cnn", ["none"]),
        ("default", ["none"]),
        ("phantom", ["none"]),
    ],
)
def test_the_ancestors_frozen_stages_are_cached(recipe: str, expected: list[str]) -> None:
    """On a small network of the same parts, but for Inception's auxiliary head."""
    overrides = ["weights=none", "network.backbone=compact", "network.options={width: 4}"]
    if recipe == "covid-inceptionv3":
        overrides = ["weights=none"]
    loaded = load_recipe(recipe, overrides)
    network, _ = build_initial_network(loaded, 2)
    assert [resolve_views(network, stage) for stage in loaded.stages] == expected


def test_a_recipe_that_cannot_be_cached_is_refused_before_anything_is_read() -> None:
    options = ["weights=none", "network.options={width: 4}", "views=1"]
    recipe = load_recipe("phantom", options)
    with pytest.raises(RecipeError, match=r"'everything' is 1, .*set stages.everything.views=none"):
        build_initial_network(recipe, 2)


@pytest.mark.parametrize("views", ["0", "-1", "1.5", "some", "null"])
def test_other_values_are_refused(views: str) -> None:
    with pytest.raises(RecipeError, match=r"stages\.1\.views in recipe 'default' is not allowed"):
        load_recipe("default", [f"views={views}"])
