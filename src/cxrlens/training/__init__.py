"""A recipe becomes a bundle.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.training.bundling import (
    BUNDLE_FOLDER,
    TrainedBundle,
    build_initial_network,
    check_balance,
    select_cases,
    train_bundle,
)
from cxrlens.training.limit import limit_table
from cxrlens.training.parameter_group import measure_stages
from cxrlens.training.precision import choose_precision, measure_bfloat16_speedup
from cxrlens.training.rate_finding import find_rate, find_stage
from cxrlens.training.recipe import Recipe, Stage
from cxrlens.training.recipe_reading import (
    RECIPE_FILE,
    list_recipes,
    load_recipe,
    read_recipe,
    resolve_recipe,
)
from cxrlens.training.run_folder import claim_run, claim_run_folder, claim_unfinished_run
from cxrlens.training.targets import resolve_labels

__all__ = [
    "BUNDLE_FOLDER",
    "RECIPE_FILE",
    "Recipe",
    "Stage",
    "TrainedBundle",
    "build_initial_network",
    "check_balance",
    "choose_precision",
    "claim_run",
    "claim_run_folder",
    "claim_unfinished_run",
    "find_rate",
    "find_stage",
    "limit_table",
    "list_recipes",
    "load_recipe",
    "measure_bfloat16_speedup",
    "measure_stages",
    "read_recipe",
    "resolve_labels",
    "resolve_recipe",
    "select_cases",
    "train_bundle",
]
