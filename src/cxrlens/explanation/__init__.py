"""A decision becomes a map, a map becomes regions.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.explanation.cam import METHOD as CAM
from cxrlens.explanation.cam import make_heatmaps
from cxrlens.explanation.regions import find_regions

__all__ = ["CAM", "find_regions", "make_heatmaps"]
