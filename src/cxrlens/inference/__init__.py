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
from cxrlens.inference.compiled_cache import CompiledCache
from cxrlens.inference.engine import EngineOutput, ImageBatch, TorchEngine, choose_device
from cxrlens.inference.engine_choice import (
    EngineName,
    open_engine,
    resolve_engine,
)
from cxrlens.inference.feature_engine import (
    FeatureEngine,
    FeatureTable,
    open_feature_engine,
)
from cxrlens.inference.memory import explain_memory
from cxrlens.inference.openvino_engine import OpenVinoEngine
from cxrlens.inference.precision import Precision
from cxrlens.inference.preparation import PreparedTable, prepare
from cxrlens.inference.silent_openvino import openvino
from cxrlens.inference.tracing import without_shape_checks

__all__ = [
    "UNKNOWN_DATA",
    "WEIGHTS_FILE",
    "Bundle",
    "BundleRecord",
    "CompiledCache",
    "EngineName",
    "EngineOutput",
    "FeatureEngine",
    "FeatureTable",
    "ImageBatch",
    "OpenVinoEngine",
    "Precision",
    "PreparedTable",
    "TorchEngine",
    "TrainingData",
    "choose_device",
    "explain_memory",
    "load_bundle",
    "open_engine",
    "open_feature_engine",
    "openvino",
    "prepare",
    "resolve_engine",
    "save_bundle",
    "without_shape_checks",
]
