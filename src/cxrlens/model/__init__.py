"""The product's face: training, bundle, engine, maps and evaluation joined.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.model.answering import Model, load
from cxrlens.model.comparing import ModelComparison, compare_models
from cxrlens.model.examining import Examination, evaluate, examine
from cxrlens.model.importing import Import, import_checkpoint, run_import
from cxrlens.model.rate_finding import RateFinding, find_learning_rate
from cxrlens.model.seed_pooling import SeedRun
from cxrlens.model.training import Training, run_training, train

__all__ = [
    "Examination",
    "Import",
    "Model",
    "ModelComparison",
    "RateFinding",
    "SeedRun",
    "Training",
    "compare_models",
    "evaluate",
    "examine",
    "find_learning_rate",
    "import_checkpoint",
    "load",
    "run_import",
    "run_training",
    "train",
]
