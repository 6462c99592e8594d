"""In how many views the features of a stage are cached.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

from cxrlens.network import MapClassifier
from cxrlens.training.parameter_group import select_trainable
from cxrlens.training.recipe import Stage
from cxrlens.vocabulary import RecipeError

Views = int | Literal["epochs", "none"]
"""A stage's `views` without `auto`."""


def resolve_views(network: MapClassifier, stage: Stage) -> Views:
    """Say in how many views the features of a stage are cached.

    Args:
        network: any.
        stage: what moves, and its `views`; `auto` is `epochs` where nothing before the pooled
            features moves, else `none`.

    Raises:
        RecipeError: if views are asked for by name in a stage that moves what comes before the
            pooled features; and as `select_trainable`.
    """
    if stage.views == "none":
        return "none"
    behind = {id(parameter) for parameter in network.list_after_pooling()}
    moved = select_trainable(network, stage).items()
    before = [name for name, parameter in moved if id(parameter) not in behind]
    if not before:
        return "epochs" if stage.views == "auto" else stage.views
    if stage.views == "auto":
        return "none"
    raise RecipeError(
        f"views of stage {stage.name!r} is {stage.views!r}, but the stage moves {before[0]!r} and "
        f"{len(before) - 1} more parameters before the pooled features, which then cannot be "
        f"cached; set stages.{stage.name}.views=none"
    )
