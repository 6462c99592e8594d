"""A recipe is right, or the message names the key, the value and the nearest right word.

SPDX-License-Identifier: Apache-2.0
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import cxrlens.training
from cxrlens.training import (
    Recipe,
    list_recipes,
    load_recipe,
    override,
    read_recipe,
    recipe_reading,
    resolve_recipe,
)
from cxrlens.vocabulary import OutputError, RecipeError, to_plain

ANCESTORS = (
    "covid-inceptionv3",
    "pneumonia-resnet152",
    "pneumonia-resnet34",
    "pneumothorax-cnn",
)

FOLDER = Path(cxrlens.training.__file__).parent / "recipes"


def _read_file(name: str) -> dict[str, Any]:
    plain: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return plain


def _find(recipe: Recipe, path: str) -> object:
    value: Any = recipe
    for part in path.split("."):
        if isinstance(value, tuple):
            value = value[int(part) - 1]
        else:
            value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


def _list_paths(plain: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted path and value of every leaf, stages from 1; what is replaced whole counts as one."""
    found: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, dict) and key not in ("options", "rate_factors"):
            found |= _list_paths(value, f"{prefix}{key}.")
        elif key == "stages":
            for number, stage in enumerate(value, start=1):
                found |= _list_paths(stage, f"{prefix}{key}.{number}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


# What ships


def test_every_file_is_listed() -> None:
    assert {"default", "phantom", *ANCESTORS} <= set(list_recipes())
    assert list(list_recipes()) == sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_survives_yaml(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    again = yaml.safe_load(yaml.safe_dump(to_plain(recipe), sort_keys=False))
    assert TypeAdapter(Recipe).validate_python(again) == recipe


def test_the_base_names_every_field() -> None:
    default = _list_paths(_read_file("default"))
    plain = to_plain(load_recipe("default"))
    assert isinstance(plain, dict)
    assert default.keys() == _list_paths(plain).keys()


@pytest.mark.parametrize("name", list_recipes())
def test_what_an_overlay_does_not_say_is_the_bases(name: str) -> None:
    said = _list_paths(_read_file(name))
    base = said.pop("base", None)
    recipe, below = load_recipe(name), load_recipe(base or name)
    for path, value in said.items():
        found = _find(recipe, path)
        assert (list(found) if isinstance(found, tuple) else found) == value
    paths = _list_paths(to_plain(recipe))  # type: ignore[arg-type]
    for path in paths.keys() - said.keys():
        # A stage that the base does not have is laid over its last.
        number = min(int(path.split(".")[1]), len(below.stages)) if path[:7] == "stages." else 0
        place = re.sub(r"^stages\.\d+", f"stages.{number}", path)
        assert _find(recipe, path) == _find(below, place)


def test_options_of_one_architecture_are_not_laid_over_those_of_another() -> None:
    merged = recipe_reading._overlay(
        {"network": {"backbone": "a", "options": {"x": 1}}},
        {"network": {"backbone": "b", "options": {"y": 2}}},
    )
    assert merged == {"network": {"backbone": "b", "options": {"y": 2}}}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("defualt", "did you mean 'default'"), ("zzz", "known are: "), ("", "known are: "),
     ("../recipes/default", "did you mean|known are"), ("default.yaml", "did you mean 'default'")],
)  # fmt: skip
def test_an_unknown_name(name: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=hint) as caught:
        load_recipe(name)
    assert repr(name) in str(caught.value)


# Overrides


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("epochs=3", "stages.1.epochs", 3),
        ("stages.epochs=3", "stages.1.epochs", 3),
        ("stages.1.epochs=3", "stages.1.epochs", 3),
        ("stages.everything.epochs=3", "stages.1.epochs", 3),
        ("optimisation.batch_size=3", "optimisation.batch_size", 3),
        ("rate_factors={head: 2.5}", "stages.1.rate_factors", {"head": 2.5}),
        ("early_stopping=2", "optimisation.early_stopping", 2),
        ("gradient_clip=1.5", "optimisation.gradient_clip", 1.5),
        ("augmentation.mirror=true", "augmentation.mirror", True),
        ("trainable=[head, blocks]", "stages.1.trainable", ("head", "blocks")),
        ("learning_rate=1e-3", "stages.1.learning_rate", 1e-3),
        ("seed=0", "seed", 0),
        ("weights=none", "weights", "none"),
        ("weights=some/file=1.pth", "weights", "some/file=1.pth"),
        ("fit=crop", "preprocessing.fit", "crop"),
        ("mean=[0.1, 0.2, 0.3]", "network.mean", (0.1, 0.2, 0.3)),
        ("departures=[one, two]", "departures", ("one", "two")),
        ("network.options.act_layer=relu", "network.options.act_layer", "relu"),
        ("network.options.drop_rate=0.5", "network.options.drop_rate", 0.5),
        ("network.options.flag=true", "network.options.flag", True),
        ("network.options.layers=[3, 4]", "network.options.layers", (3, 4)),
        ("options={act_layer: relu}", "network.options", {"act_layer": "relu"}),
    ],
)
def test_an_override_changes_its_field_alone(override: str, path: str, value: object) -> None:
    recipe = load_recipe("default", [override])
    assert _find(recipe, path) == value
    assert type(_find(recipe, path)) is type(value)
    before = _list_paths(to_plain(load_recipe("default")))  # type: ignore[arg-type]
    after = _list_paths(to_plain(recipe))  # type: ignore[arg-type]
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {path, "network.options"}


def test_the_last_override_holds() -> None:
    assert load_recipe("default", ["epochs=3", "stages.1.epochs=5"]).stages[0].epochs == 5


def test_overrides_do_not_stay_for_the_next() -> None:
    load_recipe("default", ["network.options.act_layer=relu", "epochs=3"])
    assert load_recipe("default").network.options == {}
    assert load_recipe("default").stages[0].epochs != 3


def test_a_field_of_the_stages_is_set_in_all_or_in_one() -> None:
    def read(*overrides: str) -> list[int]:
        return [stage.epochs for stage in load_recipe("pneumonia-resnet34", overrides).stages]

    assert read("epochs=3") == [3, 3]
    assert read("stages.2.epochs=3") == [10, 3]
    assert read("stages.frozen.epochs=3") == [3, 10]
    assert read("epochs=3", "stages.unfrozen.epochs=1") == [3, 1]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("stages.3.epochs=1", "no stage '3'; .*frozen"),
        ("stages.0.epochs=1", "no stage '0'"),
        ("stages.frozn.epochs=1", "no stage 'frozn'; did you mean 'frozen'"),
        ("stages.1.epoch=1", "unknown recipe key 'stages.epoch'; did you mean 'stages.epochs'"),
        ("stages=1", "unknown recipe key 'stages'"),
        ("stages.1.epochs=0", r"stages\.1\.epochs .* got 0"),
        ("stages.unfrozen.gamma=2", r"stages\.2\.gamma .* got 2"),
        ("stages.2.name=frozen", "two stages .* are named 'frozen'"),
        ("trainable=head", r"stages\.1\.trainable .* got 'head'"),
        ("rate_factors={head: 0}", r"stages\.1\.rate_factors\.head .* got 0"),
    ],
)
def test_a_wrong_stage_is_told(override: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        load_recipe("pneumonia-resnet34", [override])


def test_a_training_has_stages() -> None:
    with pytest.raises(RecipeError, match="must hold one or more"):
        dataclasses.replace(load_recipe("default"), stages=())


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("epoch=3", "unknown recipe key 'epoch'; did you mean 'epochs'"),
        ("optimization.batch_size=3", "did you mean 'optimisation.batch_size'"),
        ("stages.epoch=3", "did you mean 'stages.epochs'"),
        ("optimisation.epochs=3", "did you mean"),
        ("optimisation=3", "unknown recipe key 'optimisation'"),
        ("qqqq=3", "known are: "),
        ("=3", "unknown recipe key ''"),
        ("__pydantic_config__=1", "unknown recipe key '__pydantic_config__'"),
        ("network.options.a.b=3", "unknown recipe key 'network.options.a.b'"),
        ("network.options.=3", "unknown recipe key 'network.options.'"),
        ("epochs", "must read key=value; got 'epochs'"),
        ("", "must read key=value; got ''"),
        ("epochs=[", r"'epochs=\[' is no YAML"),
        ("epochs=", "epochs .* got None"),
        ("epochs=three", "epochs .* got 'three'"),
        ("epochs=3.5", "epochs .* got 3.5"),
        ("mean=0.5", "mean .* got 0.5"),
        ("mean=[0.5, 0.5]", "network.mean .*0.5, 0.5"),
        ("network.options.pretrained=true", "network.options.pretrained"),
        ("network.options.a={b: 1}", "network.options.a"),
        ("weights=null", "weights .* got None"),
    ],
)
def test_a_wrong_override_is_told(override: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        load_recipe("default", [override])


def test_a_short_key_of_two_fields_is_not_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two fields of the recipe share their last word today: a record that has two shows it."""

    @dataclasses.dataclass(frozen=True)
    class Two:
        augmentation: cxrlens.training.recipe.Augmentation
        other: cxrlens.training.recipe.Augmentation

    monkeypatch.setattr(override, "Recipe", Two)
    with pytest.raises(RecipeError, match=r"'zoom' is not clear; .*augmentation.zoom, other.zoom"):
        override._find_key("zoom")
    assert override._find_key("other.zoom") == "other.zoom"


# Bounds: the last value that is allowed, and the first that is not

BOUNDS = [
    ("augmentation.rotation_degrees", [0, 180], [-0.001, 180.001]),
    ("copies.rotation_degrees", [0, 180], [-0.001, 180.001]),
    ("rotation_share", [0, 1], [-0.001, 1.001]),
    ("copies.distortion", [0, 0.1249], [-0.001, 0.125]),
    ("shift", [0, 0.999], [-0.001, 1]),
    ("zoom", [0, 0.999], [-0.001, 1]),
    ("brightness", [0, 0.999], [-0.001, 1]),
    ("contrast", [0, 0.999], [-0.001, 1]),
    ("epochs", [1, 10**6, "auto"], [0, -1, 1.5, "many"]),
    ("batch_size", [2, 4096], [1, 0, -2]),
    ("learning_rate", [1e-12, 10], [0, -1e-3]),
    ("momentum", [0, 0.999], [-0.001, 1]),
    ("gamma", [0.001, 1], [0, 1.001]),
    ("step_epochs", [1, 1000], [0, 1.5]),
    ("accumulate", [1, 1000], [0, 1.5]),
    ("auxiliary_weight", [0, 10], [-0.001]),
    ("checkpoint_steps", [1, 10**6], [0, 1.5]),
    ("crop_scale", [0.001, 1], [0, 1.001]),
    ("augmentation.distortion", [0, 0.1249], [-0.001, 0.125]),
    ("weight_decay", [0, 10], [-0.001]),
    ("label_smoothing", [0, 0.999], [-0.001, 1]),
    ("warm_up", [0, 0.999], [-0.001, 1]),
    ("validation", [0.001, 0.999], [0, 1]),
    ("test", [0.001, 0.999], [0, 1]),
    ("seed", [0, 2**31], [-1, 0.5]),
    ("dropout", [0, 0.999], [-0.001, 1]),
    ("height", [16, 4096], [15, 4097]),
    ("width", [16, 4096], [15, 4097]),
    ("precision", ["auto", "float32", "bfloat16"], ["float16", ""]),
    ("fit", ["stretch", "crop"], ["pad"]),
    ("optimiser", ["adamw", "adam", "sgd"], ["rmsprop"]),
    ("schedule", ["one-cycle", "cosine", "step", "constant"], ["plateau"]),
    ("balance", ["none", "sampler", "loss-weights", "copies"], ["both"]),
    ("uncertain", ["ignore", "positive", "negative"], ["maybe"]),
]
NUMBERS = [key for key, good, _ in BOUNDS if not isinstance(good[0], str)]


@pytest.mark.parametrize(("key", "good"), [(k, v) for k, good, _ in BOUNDS for v in good])
def test_bounds_are_allowed(key: str, good: object) -> None:
    plain = to_plain(load_recipe("default", [f"{key}={good!r}"]))
    assert isinstance(plain, dict)
    leaves = _list_paths(plain).items()
    assert [value for path, value in leaves if f".{path}".endswith(f".{key}")] == [good]


@pytest.mark.parametrize(("key", "bad"), [(k, v) for k, _, bad in BOUNDS for v in bad])
def test_beyond_the_bounds_is_refused(key: str, bad: object) -> None:
    with pytest.raises(RecipeError, match=key) as caught:
        load_recipe("default", [f"{key}={bad!r}"])
    assert str(bad) in str(caught.value)


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("bad", [".nan", ".inf", "-.inf", "[1]", "{a: 1}", "null", "2020-01-01"])
def test_what_is_no_number_is_refused(key: str, bad: str) -> None:
    with pytest.raises(RecipeError, match=key):
        load_recipe("default", [f"{key}={bad}"])


@settings(max_examples=30)
@given(st.text(max_size=30))
def test_no_text_is_anything_but_understood_or_refused(text: str) -> None:
    for changed in (text, f"{text}=1", f"epochs={text}", f"network.options.{text}=1"):
        try:
            load_recipe("default", [changed])
        except RecipeError as error:
            assert str(error)  # noqa: PT017 (either outcome is right)


def test_a_mistyped_key_in_a_file_is_told() -> None:
    plain = _read_file("default")
    plain["optimisation"]["batch"] = 3
    with pytest.raises(RecipeError, match=r"unknown key 'batch' in here\.optimisation; .*_size'"):
        recipe_reading._check_keys(plain, Recipe, "here")


def test_a_mistyped_key_in_a_stage_of_a_file_is_told() -> None:
    plain = _read_file("default")
    plain["stages"][0]["epoch"] = 3
    with pytest.raises(RecipeError, match=r"unknown key 'epoch' in here\.stages\.1; .*'epochs'"):
        recipe_reading._check_keys(plain, Recipe, "here")


# In a run folder


def test_the_recipe_of_a_run_is_read_back(tmp_path: Path) -> None:
    recipe = load_recipe("pneumonia-resnet34", ["epochs=3"])
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(to_plain(recipe), sort_keys=False))
    assert read_recipe(path) == recipe
    assert resolve_recipe(None, (), tmp_path) == recipe
    assert resolve_recipe("phantom", ["epochs=1"], tmp_path) == load_recipe("phantom", ["epochs=1"])
    assert resolve_recipe(None) == load_recipe("default")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("a: [", "is no YAML"),
        ("- 1", "holds no recipe"),
        ("name: x\nepochs: 3", "unknown key 'epochs'"),
        ("name: x", "is not allowed"),
    ],
)
def test_what_is_no_recipe_is_told_with_its_file(
    tmp_path: Path, content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "recipe.yaml").write_text(content)
    with pytest.raises((RecipeError, OutputError), match=told) as caught:
        resolve_recipe(None, (), tmp_path)
    assert str(tmp_path / "recipe.yaml") in str(caught.value)
