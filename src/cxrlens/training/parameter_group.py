"""Which parameters a stage moves: groups by pattern.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import accumulate, takewhile

import torch
from torch import nn

from cxrlens.network import MapClassifier
from cxrlens.training.recipe import Stage
from cxrlens.vocabulary import RecipeError, StageSize, suggest

BACKBONE, AUXILIARY = "backbone.network.", "AuxLogits"
"""What a backbone's names begin with inside the network, and its auxiliary head's there."""


def strip_name(name: str) -> str:
    """Give the name of a module or parameter as patterns see it: modules of the backbone, `head`.

    Example:
        >>> strip_name("backbone.network.layer4.0.conv1.weight")
        'layer4.0.conv1.weight'
    """
    return name.removeprefix(BACKBONE)


def fits(name: str, patterns: Iterable[str]) -> str | None:
    """Find the first pattern that a name, or a module that holds it, fits.

    Args:
        name: as `strip_name` gives it.
        patterns: with `*`, `?` and `[…]`.

    Returns:
        The pattern; None where none fits.

    Example:
        >>> fits("layer4.0.conv1.weight", ["head", "layer4"])
        'layer4'
        >>> fits("layer40.conv1.weight", ["layer4"]) is None
        True
    """
    holders = list(accumulate(name.split("."), lambda path, part: f"{path}.{part}"))
    return next((p for p in patterns if any(fnmatchcase(one, p) for one in holders)), None)


def list_groups(network: MapClassifier) -> tuple[str, ...]:
    """Name the outermost groups of a network in the order of their parameters, `head` last."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in name_parameters(network)))


def select_trainable(network: MapClassifier, stage: Stage) -> dict[str, nn.Parameter]:
    """Find the parameters that a stage moves.

    The auxiliary head, where there is one, moves exactly where it has something to teach: where
    the backbone up to it moves.

    Args:
        network: any.
        stage: its patterns.

    Returns:
        Parameters by name, as patterns see them.

    Raises:
        RecipeError: if a pattern fits no parameter (naming the groups there are), or nothing would
            move.
    """
    parameters = name_parameters(network)
    for field, patterns in (("trainable", stage.trainable), ("rate_factors", stage.rate_factors)):
        for pattern in patterns:
            if not any(fits(name, [pattern]) for name in parameters):
                groups = list_groups(network)
                raise RecipeError(
                    f"{field} of stage {stage.name!r}: no parameter group of the network fits "
                    f"{pattern!r}; {suggest(pattern, groups)}; there are {', '.join(groups)}"
                )
    has_auxiliary = trains_auxiliary(network, stage)
    chosen = {
        name: parameter
        for name, parameter in parameters.items()
        if (has_auxiliary if _is_auxiliary(name) else fits(name, stage.trainable))
    }
    if not chosen:
        raise RecipeError(f"stage {stage.name!r} moves no parameter; name groups under trainable")
    return chosen


def trains_auxiliary(network: MapClassifier, stage: Stage) -> bool:
    """Tell whether the auxiliary head has something to teach: whether what feeds it moves.

    Args:
        network: any; modules stand in the order in which they are run.
        stage: its patterns.
    """
    if not network.backbone.has_auxiliary:
        return False
    before = takewhile(lambda name: not _is_auxiliary(name), name_parameters(network))
    return any(fits(name, stage.trainable) for name in before)


def freeze_rest(network: MapClassifier, stage: Stage) -> None:
    """Let a stage's groups learn and all others answer as they will in use.

    What is frozen needs no gradient, and its norms and dropout are in eval mode: a norm that went
    on gathering statistics would change a network that is meant to stand still.

    Args:
        network: changed in place; the stage's groups are left in training mode.
        stage: its patterns.
    """
    chosen = select_trainable(network, stage)
    for name, parameter in name_parameters(network).items():
        parameter.requires_grad_(name in chosen)
    has_auxiliary = trains_auxiliary(network, stage)
    for long_name, module in network.named_modules():
        name = strip_name(long_name)
        is_named = has_auxiliary if _is_auxiliary(name) else bool(fits(name, stage.trainable))
        # Each by itself: a norm may hold other modules, and what holds a norm may stand still.
        module.training = is_named or any(p.requires_grad for p in module.parameters())
    network.backbone.activate_auxiliary(has_auxiliary)


def group_by_rate(
    parameters: dict[str, nn.Parameter], stage: Stage
) -> list[tuple[str, list[nn.Parameter], float, float]]:
    """Group parameters by learning rate and weight decay, which biases and norms are spared.

    Args:
        parameters: what moves, by name.
        stage: its learning rate, factors and weight decay.

    Returns:
        For each group: its pattern of `rate_factors` (`rest` for none), the parameters, the largest
        learning rate and the weight decay; the head's last.
    """
    found: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        key = (fits(name, stage.rate_factors) or "rest", parameter.ndim > 1)
        found.setdefault(key, []).append(parameter)
    return [
        (
            pattern,
            members,
            stage.learning_rate * stage.rate_factors.get(pattern, 1.0),
            stage.weight_decay if is_matrix else 0.0,
        )
        for (pattern, is_matrix), members in found.items()
    ]


def count_values(parameters: Iterable[torch.Tensor]) -> int:
    """Count the numbers in some parameters."""
    return sum(parameter.numel() for parameter in parameters)


def measure_stages(network: MapClassifier, stages: Sequence[Stage]) -> tuple[StageSize, ...]:
    """Count the parameters that each stage moves, and all.

    Raises:
        RecipeError: as `select_trainable`.
    """
    whole = count_values(network.parameters())
    return tuple(
        StageSize(
            stage.name,
            stage.trainable,
            count_values(select_trainable(network, stage).values()),
            whole,
        )
        for stage in stages
    )


def tabulate_parameters(network: MapClassifier, stages: Sequence[Stage]) -> list[list[str]]:
    """Count the parameters of every group, and how many of them each stage moves.

    Args:
        network: any.
        stages: what moves when.

    Returns:
        Rows of cells: a header (`group`, `parameters` and the stages), a row a group, `total`.
    """
    counted = [name_parameters(network), *(select_trainable(network, one) for one in stages)]
    groups = list_groups(network)
    rows = [["group", "parameters", *(stage.name for stage in stages)]]
    for group in groups:
        members = [[p for name, p in part.items() if fits(name, [group])] for part in counted]
        rows.append([group, *(str(count_values(part)) for part in members)])
    return [*rows, ["total", *(str(count_values(part.values())) for part in counted)]]


def name_parameters(network: MapClassifier) -> dict[str, nn.Parameter]:
    """Name every parameter as patterns see it."""
    named = dict(network.named_parameters())
    found = {strip_name(name): parameter for name, parameter in named.items()}
    if len(found) == len(named):
        return found
    # A backbone may have a module named `head` of its own, with a parameter named as one of ours.
    return {name if strip_name(name) in named else strip_name(name): p for name, p in named.items()}


def _is_auxiliary(name: str) -> bool:
    return name.partition(".")[0] == AUXILIARY
