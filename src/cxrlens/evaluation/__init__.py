"""Tables and maps become judgements: figures with intervals that know about patients.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.evaluation.cases_needed import CasesNeeded
from cxrlens.evaluation.comparison import SMALLEST, Comparison, compare
from cxrlens.evaluation.controls import judge_category_control, judge_control
from cxrlens.evaluation.discordance import Discordance
from cxrlens.evaluation.judging import judge
from cxrlens.evaluation.map_judging import judge_maps
from cxrlens.evaluation.map_scores import MapScore, score_heatmap
from cxrlens.evaluation.paired_figure import PairedFigure
from cxrlens.evaluation.records import (
    ClassMapReport,
    ClassReport,
    Control,
    Difference,
    Evaluation,
    MapEvaluation,
    RocCurve,
)
from cxrlens.evaluation.seeds import (
    SeedFigures,
    SeedSpread,
    average_judgements,
    measure_spread,
)
from cxrlens.evaluation.strata import stratify

__all__ = [
    "SMALLEST",
    "CasesNeeded",
    "ClassMapReport",
    "ClassReport",
    "Comparison",
    "Control",
    "Difference",
    "Discordance",
    "Evaluation",
    "MapEvaluation",
    "MapScore",
    "PairedFigure",
    "RocCurve",
    "SeedFigures",
    "SeedSpread",
    "average_judgements",
    "compare",
    "judge",
    "judge_category_control",
    "judge_control",
    "judge_maps",
    "measure_spread",
    "score_heatmap",
    "stratify",
]
