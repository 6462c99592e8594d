"""A decision becomes a map, a map becomes regions.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.explanation.heatmaps import make_heatmaps
from cxrlens.explanation.lime import explain_lime, read_lime_settings
from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.methods import METHODS, find_method
from cxrlens.explanation.question import Question
from cxrlens.explanation.regions import find_regions

__all__ = [
    "METHODS", "Maps", "Method", "Question",
    "explain_lime", "find_method", "find_regions", "make_heatmaps",
    "read_lime_settings",
]  # fmt: skip
