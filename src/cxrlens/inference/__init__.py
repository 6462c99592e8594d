"""A trained model runs: the bundle and its engines.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.inference.bundle import (
    UNKNOWN_DATA,
    WEIGHTS_FILE,
    Bundle,
    BundleRecord,
    TrainingData,
    load_bundle,
    save_bundle,
)
from cxrlens.inference.engine import EngineOutput, ImageBatch, TorchEngine, choose_device
from cxrlens.inference.memory import explain_memory
from cxrlens.inference.preparation import PreparedTable, prepare

__all__ = [
    "UNKNOWN_DATA",
    "WEIGHTS_FILE",
    "Bundle",
    "BundleRecord",
    "EngineOutput",
    "ImageBatch",
    "PreparedTable",
    "TorchEngine",
    "TrainingData",
    "choose_device",
    "explain_memory",
    "load_bundle",
    "prepare",
    "save_bundle",
]
