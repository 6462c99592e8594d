"""Tables and maps become judgements: figures with intervals that know about patients.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.evaluation.agreement import Agreement, AnswerCounts, measure_agreement
from cxrlens.evaluation.agreement_cusum import AgreementChart, watch_agreement
from cxrlens.evaluation.answer_rates import AnswerRates, measure_answer_rates
from cxrlens.evaluation.automation_curve import RISKS, AutomationPoint, trace_automation
from cxrlens.evaluation.bootstrap import Resampling
from cxrlens.evaluation.calibration_report import (
    CalibrationReport,
    ClassCalibration,
    ClassReliability,
    ReliabilityBin,
    compare_calibration,
    judge_calibration,
)
from cxrlens.evaluation.cases_needed import CasesNeeded
from cxrlens.evaluation.certainty import FEWEST_TO_CERTIFY, count_positives_to_certify
from cxrlens.evaluation.certificate import Certificate, CertifiedBundle
from cxrlens.evaluation.certifying import certify
from cxrlens.evaluation.class_counts import (
    FEWEST_FOR_VECTOR,
    FEWEST_PATIENTS,
    choose_method,
    count_classes,
)
from cxrlens.evaluation.comparison import SMALLEST, Comparison, compare
from cxrlens.evaluation.controls import (
    judge_category_control,
    judge_control,
    judge_learnt_control,
)
from cxrlens.evaluation.cross_fitting import (
    CrossFit,
    cross_fit,
    explain_too_few_cases,
    fit_table,
)
from cxrlens.evaluation.cusum_design import CusumDesign, design_cusum, find_run_length
from cxrlens.evaluation.discordance import Discordance
from cxrlens.evaluation.drift import FEWEST_REFERENCE, DriftReport, watch_drift
from cxrlens.evaluation.drift_alarm import DriftAlarm
from cxrlens.evaluation.drift_look import DriftLook
from cxrlens.evaluation.drift_plan import DriftPlan
from cxrlens.evaluation.fixed_sequence import TestedThreshold
from cxrlens.evaluation.judging import judge
from cxrlens.evaluation.map_agreement import correlate_maps
from cxrlens.evaluation.map_card import MapCard
from cxrlens.evaluation.map_card_judging import BASELINES, CONSTANTS, judge_methods
from cxrlens.evaluation.map_checks import (
    LungReport,
    MethodCheck,
    RandomisedMaps,
    judge_lungs,
    measure_correlation,
)
from cxrlens.evaluation.map_judging import judge_maps
from cxrlens.evaluation.map_scores import HEAT_SHARES, MapScore, score_heatmap
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.method_report import (
    MAP_FIGURES,
    BaselineGap,
    MapFigure,
    MethodReport,
    Verdict,
)
from cxrlens.evaluation.neighbours import (
    find_conformal_p_values,
    measure_neighbour_distances,
    scale_to_unit,
)
from cxrlens.evaluation.operating_report import (
    ClassOperating,
    OperatingReport,
    judge_operating,
    report_flags,
)
from cxrlens.evaluation.operating_rule import OperatingRule, read_rule
from cxrlens.evaluation.paired_figure import PairedFigure
from cxrlens.evaluation.prevalence import PrevalenceReport, rebase
from cxrlens.evaluation.promise import GRID, Promise
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.reading_outcome import (
    ClassOutcome,
    RaterTest,
    ReadingOutcome,
    ReferenceOutcome,
    judge_readings,
)
from cxrlens.evaluation.reading_seconds import ReadingSeconds, measure_seconds
from cxrlens.evaluation.readings import Readings, find_bundle, split_readings
from cxrlens.evaluation.records import (
    ClassMapReport,
    ClassReport,
    Control,
    Difference,
    Evaluation,
    MapEvaluation,
    RocCurve,
)
from cxrlens.evaluation.reference_cases import ReferenceCases, Workload
from cxrlens.evaluation.repetitions import RepetitionGap, compare_repetitions
from cxrlens.evaluation.seeds import (
    SeedFigures,
    SeedSpread,
    average_judgements,
    measure_spread,
)
from cxrlens.evaluation.share_gap import measure_mean_gap
from cxrlens.evaluation.single_cut import join_certificates
from cxrlens.evaluation.spot_checks import SpotCheckStanding, judge_spot_checks
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
from cxrlens.evaluation.switches import Switch, SwitchAnswers, Switches, measure_switches
from cxrlens.evaluation.threshold_choice import choose_operating_point

__all__ = [
    "BASELINES",
    "CONSTANTS",
    "FEWEST_FOR_VECTOR",
    "FEWEST_PATIENTS",
    "FEWEST_REFERENCE",
    "FEWEST_TO_CERTIFY",
    "GRID",
    "HEAT_SHARES",
    "LEAST_PATIENTS",
    "MAP_FIGURES",
    "RISKS",
    "SMALLEST",
    "UNKNOWN_GROUP",
    "Agreement",
    "AgreementChart",
    "AnswerCounts",
    "AnswerRates",
    "AutomationPoint",
    "BaselineGap",
    "CalibrationReport",
    "CasesNeeded",
    "Certificate",
    "CertifiedBundle",
    "ClassCalibration",
    "ClassCount",
    "ClassMapReport",
    "ClassOperating",
    "ClassOutcome",
    "ClassReliability",
    "ClassReport",
    "Comparison",
    "Control",
    "CrossFit",
    "CusumDesign",
    "Difference",
    "Discordance",
    "DriftAlarm",
    "DriftLook",
    "DriftPlan",
    "DriftReport",
    "Evaluation",
    "GroupFigure",
    "GroupGap",
    "LungReport",
    "MapCard",
    "MapEvaluation",
    "MapFigure",
    "MapScore",
    "MethodCheck",
    "MethodReport",
    "OperatingReport",
    "OperatingRule",
    "PairedFigure",
    "PrevalenceReport",
    "Promise",
    "RandomisedMaps",
    "RaterTest",
    "ReadingOutcome",
    "ReadingSeconds",
    "Readings",
    "ReferenceCases",
    "ReferenceOutcome",
    "ReliabilityBin",
    "RepetitionGap",
    "Resampling",
    "RocCurve",
    "SeedFigures",
    "SeedSpread",
    "SpotCheckStanding",
    "Subgroup",
    "Subgroups",
    "Switch",
    "SwitchAnswers",
    "Switches",
    "TestedThreshold",
    "Verdict",
    "Workload",
    "average_judgements",
    "certify",
    "choose_method",
    "choose_operating_point",
    "compare",
    "compare_calibration",
    "compare_repetitions",
    "correlate_maps",
    "count_classes",
    "count_positives_to_certify",
    "cross_fit",
    "design_cusum",
    "explain_too_few_cases",
    "find_bundle",
    "find_conformal_p_values",
    "find_run_length",
    "fit_table",
    "join_certificates",
    "judge",
    "judge_calibration",
    "judge_category_control",
    "judge_control",
    "judge_learnt_control",
    "judge_lungs",
    "judge_maps",
    "judge_methods",
    "judge_operating",
    "judge_readings",
    "judge_spot_checks",
    "judge_subgroups",
    "measure_agreement",
    "measure_answer_rates",
    "measure_correlation",
    "measure_mean",
    "measure_mean_gap",
    "measure_neighbour_distances",
    "measure_proportion",
    "measure_seconds",
    "measure_spread",
    "measure_switches",
    "read_rule",
    "rebase",
    "report_flags",
    "scale_to_unit",
    "score_heatmap",
    "split_readings",
    "stratify",
    "trace_automation",
    "watch_agreement",
    "watch_drift",
]
