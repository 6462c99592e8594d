"""A decision becomes a map, a map becomes regions.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.explanation.deletion import Faithfulness, measure_faithfulness
from cxrlens.explanation.heatmaps import make_heatmaps
from cxrlens.explanation.lime import explain_lime, read_lime_settings
from cxrlens.explanation.lung_zones import LEAST_CONFIDENCE, LungZones, divide_lungs
from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.methods import METHODS, find_method
from cxrlens.explanation.question import Question
from cxrlens.explanation.randomisation import SHARES as RANDOMISED_SHARES
from cxrlens.explanation.randomisation import randomise
from cxrlens.explanation.regions import (
    cut,
    find_many_regions,
    find_regions,
    heat_on_source,
    mask_regions,
)

__all__ = [
    "LEAST_CONFIDENCE",
    "METHODS",
    "RANDOMISED_SHARES",
    "Faithfulness",
    "LungZones",
    "Maps",
    "Method",
    "Question",
    "cut",
    "divide_lungs",
    "explain_lime",
    "find_many_regions",
    "find_method",
    "find_regions",
    "heat_on_source",
    "make_heatmaps",
    "mask_regions",
    "measure_faithfulness",
    "randomise",
    "read_lime_settings",
]
