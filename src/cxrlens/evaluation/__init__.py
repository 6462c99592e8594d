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
from cxrlens.evaluation.subgroup_records import (
    LEAST_PATIENTS,
    UNKNOWN_GROUP,
    ClassCount,
    GroupFigure,
    GroupGap,
    Subgroup,
    Subgroups,
)
from cxrlens.evaluation.subgroups import judge_subgroups

__all__ = [
    "LEAST_PATIENTS",
    "SMALLEST",
    "UNKNOWN_GROUP",
    "CasesNeeded",
    "ClassCount",
    "ClassMapReport",
    "ClassReport",
    "Comparison",
    "Control",
    "Difference",
    "Discordance",
    "Evaluation",
    "GroupFigure",
    "GroupGap",
    "MapEvaluation",
    "MapScore",
    "PairedFigure",
    "RocCurve",
    "SeedFigures",
    "SeedSpread",
    "Subgroup",
    "Subgroups",
    "average_judgements",
    "compare",
    "judge",
    "judge_category_control",
    "judge_control",
    "judge_maps",
    "judge_subgroups",
    "measure_spread",
    "score_heatmap",
    "stratify",
]
