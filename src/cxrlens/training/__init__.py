"""A recipe becomes a bundle.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.training.bundling import TrainedBundle, build_initial_network, train_bundle
from cxrlens.training.precision import choose_precision, measure_bfloat16_speedup
from cxrlens.training.recipe import Recipe, list_recipes, load_recipe
from cxrlens.training.run_folder import claim_run_folder

__all__ = [
    "Recipe",
    "TrainedBundle",
    "build_initial_network",
    "choose_precision",
    "claim_run_folder",
    "list_recipes",
    "load_recipe",
    "measure_bfloat16_speedup",
    "train_bundle",
]
