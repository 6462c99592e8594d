"""Patterns choose groups; what is frozen is frozen whole.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier
from cxrlens.training import Stage, build_initial_network, load_recipe
from cxrlens.training.parameter_group import (
    fits,
    freeze_rest,
    group_by_rate,
    list_groups,
    measure_stages,
    select_trainable,
    tabulate_parameters,
    trains_auxiliary,
)
from cxrlens.vocabulary import RecipeError


def make_stage(*trainable: str, **more: object) -> Stage:
    changes = {"rate_factors": {}, **more}
    return replace(load_recipe("default").stages[0], trainable=trainable, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def resnet() -> MapClassifier:
    return build_classifier(NetworkSpec("resnet18", hidden=(16,)), 2, (64, 64))


@pytest.fixture(scope="module")
def inception() -> MapClassifier:
    return build_classifier(NetworkSpec("inception_v3", {"aux_logits": True}), 3, (299, 299))


@pytest.mark.parametrize(
    ("name", "pattern", "does"),
    [
        ("layer4.0.conv1.weight", "layer4", True),
        ("layer4.0.conv1.weight", "layer4.0", True),
        ("layer4.0.conv1.weight", "layer4.1", False),
        ("layer4.0.conv1.weight", "layer", False),
        ("layer4.0.conv1.weight", "layer*", True),
        ("layer4.0.conv1.weight", "layer[34]", True),
        ("layer2.0.conv1.weight", "layer[34]", False),
        ("layer4.0.conv1.weight", "*", True),
        ("layer4.0.conv1.weight", "*.weight", True),
        ("head.output.bias", "head", True),
        ("heading.bias", "head", False),
        ("layer4.0.conv1.weight", "LAYER4", False),
    ],
)
def test_a_pattern_fits_a_name_or_what_holds_it(name: str, pattern: str, does: bool) -> None:
    assert (fits(name, [pattern]) == pattern) is does


def test_the_first_pattern_counts() -> None:
    assert fits("layer4.0.bn1.bias", ["head", "layer4.0", "*"]) == "layer4.0"


def test_groups_are_named_outermost_first_to_last(resnet: MapClassifier) -> None:
    groups = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "head")
    assert list_groups(resnet) == groups


def test_everything_is_every_parameter(resnet: MapClassifier) -> None:
    assert len(select_trainable(resnet, make_stage("*"))) == len(list(resnet.parameters()))


def test_the_head_of_resnet34_has_131842_parameters() -> None:
    recipe = load_recipe("pneumonia-resnet34", ["weights=none"])
    network, _ = build_initial_network(recipe, 2)
    rows = tabulate_parameters(network, recipe.stages)
    assert rows[0] == ["group", "parameters", "frozen", "unfrozen"]
    assert rows[-1] == ["total", "21416514", "131842", "21416514"]
    assert ["head", "131842", "131842", "131842"] in rows
    assert sum(int(row[1]) for row in rows[1:-1]) == int(rows[-1][1])
    assert sum(p.numel() for p in select_trainable(network, recipe.stages[0]).values()) == 131842


@pytest.mark.parametrize("field", ["trainable", "rate_factors"])
def test_a_pattern_without_a_group_is_told(resnet: MapClassifier, field: str) -> None:
    stage = make_stage("head", "leyer4") if field == "trainable" else None
    stage = stage or make_stage("head", rate_factors={"leyer4": 2.0})
    with pytest.raises(RecipeError, match=f"{field} .*'leyer4'; did you mean 'layer4'.*conv1, bn1"):
        select_trainable(resnet, stage)


def test_no_pattern_at_all_is_told(resnet: MapClassifier) -> None:
    with pytest.raises(RecipeError, match="moves no parameter"):
        select_trainable(resnet, make_stage())


def test_frozen_norms_and_dropout_answer_as_in_use(resnet: MapClassifier) -> None:
    freeze_rest(resnet, make_stage("layer4", "head"))
    for name, module in resnet.named_modules():
        if next(module.children(), None) is None:
            moves = ".layer4." in name or name.startswith("head.")
            assert module.training == moves, name
    for name, parameter in resnet.named_parameters():
        assert parameter.requires_grad == (".layer4." in name or name.startswith("head."))
    freeze_rest(resnet, make_stage("*"))
    assert all(module.training for module in resnet.modules())


@pytest.mark.parametrize(
    "backbone",
    ["resnet18", "mobilenetv2_100", "densenet121", "efficientnet_b0", "compact", "residual"],
)
def test_frozen_statistics_are_unchanged_to_the_bit(backbone: str) -> None:
    """Norms of every kind, also those that hold their activation as a module inside."""
    network = build_classifier(NetworkSpec(backbone), 2, (64, 64))
    before = {key: value.clone() for key, value in network.backbone.state_dict().items()}
    freeze_rest(network, make_stage("head"))
    with torch.no_grad():
        network(torch.rand(4, 1, 64, 64))
    after = network.backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    freeze_rest(network, make_stage("*"))
    with torch.no_grad():
        network(torch.rand(4, 1, 64, 64))
    changed = {key for key in before if not before[key].equal(network.backbone.state_dict()[key])}
    assert changed == {key for key in before if key.endswith(("_mean", "_var", "_tracked"))}


def test_rates_by_pattern_and_no_decay_on_biases_and_norms(resnet: MapClassifier) -> None:
    stage = make_stage("*", rate_factors={"head": 5.0, "layer4.1": 2.0}, learning_rate=0.1)
    groups = group_by_rate(select_trainable(resnet, stage), stage)
    assert [group[0] for group in groups] == ["rest"] * 2 + ["layer4.1"] * 2 + ["head"] * 2
    for pattern, members, rate, decay in groups:
        assert rate == pytest.approx(0.1 * {"rest": 1, "layer4.1": 2, "head": 5}[pattern])
        assert all((member.ndim > 1) == (decay > 0) for member in members)
    assert sum(len(group[1]) for group in groups) == len(list(resnet.parameters()))


@pytest.mark.parametrize(
    ("trainable", "does"),
    [
        (("*",), True),
        (("Mixed_6e", "head"), True),
        (("Conv2d_1a_3x3",), True),
        (("head",), False),
        (("Mixed_7*", "head"), False),
        (("AuxLogits", "head"), False),
    ],
)
def test_the_auxiliary_head_moves_where_it_has_something_to_teach(
    inception: MapClassifier, trainable: tuple[str, ...], does: bool
) -> None:
    stage = make_stage(*trainable)
    assert trains_auxiliary(inception, stage) is does
    moves = any(name.startswith("AuxLogits") for name in select_trainable(inception, stage))
    assert moves is does
    freeze_rest(inception, stage)
    with torch.no_grad():
        output = inception(torch.zeros(2, 1, 299, 299))
    assert (output.auxiliary is not None) is does
    inner = inception.backbone.network.AuxLogits
    assert isinstance(inner, nn.Module)
    assert all(module.training is does for module in inner.modules())


def test_a_network_without_an_auxiliary_head_trains_none(resnet: MapClassifier) -> None:
    assert not trains_auxiliary(resnet, make_stage("*"))


def test_a_backbones_own_module_named_head_belongs_to_the_head() -> None:
    network = build_classifier(NetworkSpec("convnext_atto"), 2, (64, 64))
    chosen = select_trainable(network, make_stage("head"))
    assert {"head.norm.weight", "head.norm.bias", "head.output.weight"} <= set(chosen)
    assert len(select_trainable(network, make_stage("*"))) == len(list(network.parameters()))


def test_the_sizes_of_stages_are_those_of_the_table(resnet: MapClassifier) -> None:
    stages = (make_stage("head"), replace(make_stage("layer4", "head"), name="more"))
    sizes = measure_stages(resnet, stages)
    rows = tabulate_parameters(resnet, stages)
    assert [str(one.n_trainable) for one in sizes] == rows[-1][2:]
    assert {str(one.n_parameters) for one in sizes} == {rows[-1][1]}
    assert sizes[1].trainable == ("layer4", "head")
    moving = sum(p.numel() for p in resnet.head.parameters())
    assert sizes[0].n_trainable == moving == 512 * 16 + 16 + 16 * 2 + 2
    assert str(sizes[0]).endswith(f"(8,242 of {sizes[0].n_parameters:,} parameters)")
