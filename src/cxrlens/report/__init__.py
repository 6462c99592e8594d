"""Tables and maps become pictures and pages.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.report.answer_pair import AnswerPair, join_study, pair_answers
from cxrlens.report.answers import Answers, read_answers
from cxrlens.report.audit_page import gather_audit_facts, write_audit
from cxrlens.report.card_shares import CardShares, read_card_shares
from cxrlens.report.case_file import read_case
from cxrlens.report.case_grid import draw_cases, draw_one_per_class
from cxrlens.report.comparison_file import (
    ComparisonReport,
    gather_comparison,
    write_comparison,
)
from cxrlens.report.confusion_matrix import draw_confusion
from cxrlens.report.curves import draw_history
from cxrlens.report.draw import draw, draw_grid
from cxrlens.report.facts import gather_facts
from cxrlens.report.figure import save_figure
from cxrlens.report.image_names import name_images
from cxrlens.report.lime_views import draw_lime
from cxrlens.report.map_card_page import gather_card_facts, tell_map_verdict, write_map_card
from cxrlens.report.map_files import (
    MAP_FORMATS,
    MappedImage,
    check_map_formats,
    encode_mask,
    write_maps,
)
from cxrlens.report.map_grid import draw_maps
from cxrlens.report.method_grid import draw_methods
from cxrlens.report.miniature import shrink_case
from cxrlens.report.overlay_file import MAP_VIEWS, MapView, read_map_views, save_overlay
from cxrlens.report.pictures import write_pictures
from cxrlens.report.predictions_file import (
    PREDICTION_FILES,
    Labels,
    Origin,
    PredictionColumns,
    PredictionsWriter,
    defuse_cell,
    open_predictions,
    tell_prediction,
    write_predictions,
)
from cxrlens.report.rate_chart import draw_rate_search, write_rate_search
from cxrlens.report.reading_facts import gather_reading_facts
from cxrlens.report.reading_verdict import (
    tell_agreement,
    tell_reference,
    tell_seconds,
    tell_switches,
)
from cxrlens.report.records import (
    Case,
    Digests,
    FlowStep,
    History,
    Measure,
    Part,
    Report,
    Sample,
    WarningCount,
)
from cxrlens.report.roc_curve import draw_roc
from cxrlens.report.sample_file import read_samples
from cxrlens.report.saved_predictions import SavedPredictions, read_predictions
from cxrlens.report.verdict import tell_p, tell_verdict
from cxrlens.report.write import write_report

__all__ = [
    "MAP_FORMATS",
    "MAP_VIEWS",
    "PREDICTION_FILES",
    "AnswerPair",
    "Answers",
    "CardShares",
    "Case",
    "ComparisonReport",
    "Digests",
    "FlowStep",
    "History",
    "Labels",
    "MapView",
    "MappedImage",
    "Measure",
    "Origin",
    "Part",
    "PredictionColumns",
    "PredictionsWriter",
    "Report",
    "Sample",
    "SavedPredictions",
    "WarningCount",
    "check_map_formats",
    "defuse_cell",
    "draw",
    "draw_cases",
    "draw_confusion",
    "draw_grid",
    "draw_history",
    "draw_lime",
    "draw_maps",
    "draw_methods",
    "draw_one_per_class",
    "draw_rate_search",
    "draw_roc",
    "encode_mask",
    "gather_audit_facts",
    "gather_card_facts",
    "gather_comparison",
    "gather_facts",
    "gather_reading_facts",
    "join_study",
    "name_images",
    "open_predictions",
    "pair_answers",
    "read_answers",
    "read_card_shares",
    "read_case",
    "read_map_views",
    "read_predictions",
    "read_samples",
    "save_figure",
    "save_overlay",
    "shrink_case",
    "tell_agreement",
    "tell_map_verdict",
    "tell_p",
    "tell_prediction",
    "tell_reference",
    "tell_seconds",
    "tell_switches",
    "tell_verdict",
    "write_audit",
    "write_comparison",
    "write_map_card",
    "write_maps",
    "write_pictures",
    "write_predictions",
    "write_rate_search",
    "write_report",
]
