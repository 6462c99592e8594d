"""A recipe becomes a bundle.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.training.bundling import TrainedBundle, build_initial_network, train_bundle
from cxrlens.training.limit import limit_table
from cxrlens.training.precision import choose_precision, measure_bfloat16_speedup
from cxrlens.training.recipe import Recipe, Stage
from cxrlens.training.recipe_reading import (
    RECIPE_FILE,
    list_recipes,
    load_recipe,
    read_recipe,
    resolve_recipe,
)
from cxrlens.training.run_folder import claim_run, claim_run_folder, claim_unfinished_run

__all__ = [
    "RECIPE_FILE",
    "Recipe",
    "Stage",
    "TrainedBundle",
    "build_initial_network",
    "choose_precision",
    "claim_run",
    "claim_run_folder",
    "claim_unfinished_run",
    "limit_table",
    "list_recipes",
    "load_recipe",
    "measure_bfloat16_speedup",
    "read_recipe",
    "resolve_recipe",
    "train_bundle",
]
