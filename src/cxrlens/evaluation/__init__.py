"""Tables and maps become judgements: figures with intervals that know about patients.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.evaluation.controls import judge_control
from cxrlens.evaluation.judging import judge
from cxrlens.evaluation.map_judging import judge_maps
from cxrlens.evaluation.map_scores import MapScore, score_heatmap
from cxrlens.evaluation.records import (
    ClassMapReport,
    ClassReport,
    Control,
    Evaluation,
    MapEvaluation,
    RocCurve,
)

__all__ = [
    "ClassMapReport",
    "ClassReport",
    "Control",
    "Evaluation",
    "MapEvaluation",
    "MapScore",
    "RocCurve",
    "judge",
    "judge_control",
    "judge_maps",
    "score_heatmap",
]
