"""The product's face: training, bundle, engine, maps and evaluation joined.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.model.answering import Model, load
from cxrlens.model.calibrating import SiteCalibration, calibrate, run_calibration
from cxrlens.model.comparing import ModelComparison, compare_models
from cxrlens.model.examining import Examination, evaluate, examine
from cxrlens.model.familiarising import Familiarised, fit_ood, run_fit_ood
from cxrlens.model.grouping import (
    AGE_BANDS,
    choose_columns,
    find_age_band,
    find_usual,
    judge_groups,
    list_groups,
)
from cxrlens.model.importing import Import, import_checkpoint, run_import
from cxrlens.model.map_card import CardOptions, make_map_card
from cxrlens.model.quantising import Quantisation, quantise
from cxrlens.model.rate_finding import RateFinding, find_learning_rate
from cxrlens.model.seed_pooling import SeedRun
from cxrlens.model.training import Training, run_training, train

__all__ = [
    "AGE_BANDS",
    "CardOptions",
    "Examination",
    "Familiarised",
    "Import",
    "Model",
    "ModelComparison",
    "Quantisation",
    "RateFinding",
    "SeedRun",
    "SiteCalibration",
    "Training",
    "calibrate",
    "choose_columns",
    "compare_models",
    "evaluate",
    "examine",
    "find_age_band",
    "find_learning_rate",
    "find_usual",
    "fit_ood",
    "import_checkpoint",
    "judge_groups",
    "list_groups",
    "load",
    "make_map_card",
    "quantise",
    "run_calibration",
    "run_fit_ood",
    "run_import",
    "run_training",
    "train",
]
