"""A table tells which learning rate a recipe bears on it.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

from cxrlens.data import StudyTable, complete_split, read_table
from cxrlens.inference import prepare
from cxrlens.model.answers import PathLike
from cxrlens.training import (
    Recipe,
    build_initial_network,
    check_balance,
    find_rate,
    find_stage,
    load_recipe,
    select_cases,
)
from cxrlens.vocabulary import Progress, RateSearch, Refusal, Silence


@dataclass(frozen=True)
class RateFinding:
    """What a range test of the learning rate came to."""

    search: RateSearch
    """What was seen, with the rates that it suggests."""

    refusals: tuple[Refusal, ...]
    """Files that were left out, and why."""


def find_learning_rate(
    data: StudyTable | PathLike,
    recipe: str | Recipe = "default",
    *,
    stage: str | None = None,
    progress: Progress | None = None,
) -> RateFinding:
    """Try the learning rates of one stage of a recipe on the training part of a table.

    Every stage is tried from the recipe's own initial weights; nothing is kept of what is learnt.

    Args:
        data: a table, or what `read_table` reads; it is split as a training of it would be.
        recipe: a recipe or its name.
        stage: its name, or its number from 1; None is the first.
        progress: is told of every step.

    Raises:
        TableError: if the data cannot be split.
        RecipeError: if the recipe is not valid, does not fit the data, or has no such stage.
        WeightsError: if its weights cannot be loaded.
    """
    progress = progress or Silence()
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe)
    place = find_stage(recipe, stage)
    table = (data if isinstance(data, StudyTable) else read_table(data)).labelled()
    # What can be refused is refused before anything is read.
    check_balance(recipe, is_multilabel=table.is_multilabel)
    _split(table, recipe)
    network, _ = build_initial_network(recipe, len(table.classes))
    prepared = prepare(table, recipe.preprocessing, progress)
    cases = select_cases(replace(prepared, table=_split(prepared.table, recipe)), recipe)
    found = find_rate(network, cases, recipe, place, progress)
    return RateFinding(found, prepared.table.refusals)


def _split(table: StudyTable, recipe: Recipe) -> StudyTable:
    return complete_split(table, seed=recipe.seed, validation=recipe.validation, test=recipe.test)
