"""A trained model runs: the bundle and its engines.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.inference.built_before import find_width, keep_width
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
from cxrlens.inference.familiarising import FamiliarRows, draw_familiar_rows, familiarise
from cxrlens.inference.familiarity import (
    OUT_OF_DISTRIBUTION,
    Familiarity,
    FamiliarityRecord,
    check_limit,
    fit_familiarity,
)
from cxrlens.inference.feature_engine import (
    FeatureEngine,
    FeatureTable,
    open_feature_engine,
)
from cxrlens.inference.memory import explain_memory
from cxrlens.inference.onnx_engine import OnnxEngine
from cxrlens.inference.openvino_engine import OpenVinoEngine, has_bfloat16
from cxrlens.inference.precision import Precision
from cxrlens.inference.preparation import BAD_MASK, PreparedTable, prepare
from cxrlens.inference.quantisation import quantise_network
from cxrlens.inference.quantised_folder import (
    MIN_ALIKE,
    QuantisationCheck,
    QuantisedRecord,
    check_place,
    keep_quantised,
    load_quantised,
    place_quantised,
)
from cxrlens.inference.quantised_network import QuantisedNetwork
from cxrlens.inference.silent_openvino import openvino
from cxrlens.inference.tracing import without_shape_checks

__all__ = [
    "BAD_MASK",
    "MIN_ALIKE",
    "OUT_OF_DISTRIBUTION",
    "UNKNOWN_DATA",
    "WEIGHTS_FILE",
    "Bundle",
    "BundleRecord",
    "CompiledCache",
    "EngineName",
    "EngineOutput",
    "FamiliarRows",
    "Familiarity",
    "FamiliarityRecord",
    "FeatureEngine",
    "FeatureTable",
    "ImageBatch",
    "OnnxEngine",
    "OpenVinoEngine",
    "Precision",
    "PreparedTable",
    "QuantisationCheck",
    "QuantisedNetwork",
    "QuantisedRecord",
    "TorchEngine",
    "TrainingData",
    "check_limit",
    "check_place",
    "choose_device",
    "draw_familiar_rows",
    "explain_memory",
    "familiarise",
    "find_width",
    "fit_familiarity",
    "has_bfloat16",
    "keep_quantised",
    "keep_width",
    "load_bundle",
    "load_quantised",
    "open_engine",
    "open_feature_engine",
    "openvino",
    "place_quantised",
    "prepare",
    "quantise_network",
    "resolve_engine",
    "save_bundle",
    "without_shape_checks",
]
