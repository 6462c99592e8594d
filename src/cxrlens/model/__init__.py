"""The product's face: training, bundle, engine, maps and evaluation joined.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.model.answering import Model, load
from cxrlens.model.examining import Examination, evaluate, examine
from cxrlens.model.training import Training, run_training, train

__all__ = [
    "Examination",
    "Model",
    "Training",
    "evaluate",
    "examine",
    "load",
    "run_training",
    "train",
]
