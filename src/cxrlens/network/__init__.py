"""Pixels become logits and per-class maps in one forward pass.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.network.classifier import ClassifierOutput, MapClassifier, build_classifier
from cxrlens.network.specification import COMPACT, NetworkSpec
from cxrlens.network.weights import load_backbone_weights, read_state_dict

__all__ = [
    "COMPACT",
    "ClassifierOutput",
    "MapClassifier",
    "NetworkSpec",
    "build_classifier",
    "load_backbone_weights",
    "read_state_dict",
]
