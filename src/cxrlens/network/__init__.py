"""Pixels become logits and per-class maps in one forward pass.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.network.adoption import AdoptedNetwork, adopt_network
from cxrlens.network.classifier import ClassifierOutput, MapClassifier, build_classifier
from cxrlens.network.foreign_checkpoint import (
    ForeignCheckpoint,
    read_checkpoint,
    read_state_dict,
)
from cxrlens.network.import_settings import ImportSettings
from cxrlens.network.specification import COMPACT, NetworkSpec
from cxrlens.network.weights import load_backbone_weights

__all__ = [
    "COMPACT",
    "AdoptedNetwork",
    "ClassifierOutput",
    "ForeignCheckpoint",
    "ImportSettings",
    "MapClassifier",
    "NetworkSpec",
    "adopt_network",
    "build_classifier",
    "load_backbone_weights",
    "read_checkpoint",
    "read_state_dict",
]
