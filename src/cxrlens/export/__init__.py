"""A model leaves: as one graph that needs nothing of ours to answer.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.export.checking import (
    MAX_MAP_GAP,
    MAX_PROBABILITY_GAP,
    ExportCheck,
    Parity,
    check_export,
)
from cxrlens.export.exported import Runtime, open_exported
from cxrlens.export.files import ExportFormat, describe_export, export_bundle, make_onnx
from cxrlens.export.graph import INPUT, OUTPUTS

__all__ = [
    "INPUT",
    "MAX_MAP_GAP",
    "MAX_PROBABILITY_GAP",
    "OUTPUTS",
    "ExportCheck",
    "ExportFormat",
    "Parity",
    "Runtime",
    "check_export",
    "describe_export",
    "export_bundle",
    "make_onnx",
    "open_exported",
]
