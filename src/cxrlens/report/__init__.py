"""Tables and maps become pictures and pages.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.report.draw import draw, draw_grid, save_figure
from cxrlens.report.facts import gather_facts
from cxrlens.report.overlay_file import save_overlay
from cxrlens.report.predictions_file import tell_prediction, write_predictions
from cxrlens.report.records import (
    Case,
    Digests,
    History,
    Measure,
    Report,
    Sample,
    WarningCount,
)
from cxrlens.report.write import write_report

__all__ = [
    "Case",
    "Digests",
    "History",
    "Measure",
    "Report",
    "Sample",
    "WarningCount",
    "draw",
    "draw_grid",
    "gather_facts",
    "save_figure",
    "save_overlay",
    "tell_prediction",
    "write_predictions",
    "write_report",
]
