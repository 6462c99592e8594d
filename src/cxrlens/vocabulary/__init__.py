"""The records and words that cross packages.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.vocabulary.arrays import (
    ClassIndices,
    ColourBytes,
    Decisions,
    Flags,
    GreyBytes,
    GreyImage,
    Grid,
    LabelMatrix,
    Logits,
    PixelMask,
    Points,
    Probabilities,
    Scores,
    Segments,
)
from cxrlens.vocabulary.audit import (
    CONTROL_MARGIN,
    NEAR,
    SAME_BYTES,
    SAME_PIXELS,
    Audit,
    Gate,
    Kinship,
    LeakCost,
    ModelCheck,
    OddCount,
    RepeatGroup,
    SharedPatients,
    Shortcut,
    Suspect,
)
from cxrlens.vocabulary.box import Box
from cxrlens.vocabulary.calibration import Calibration, CalibrationMethod, ClassCount, Scaling
from cxrlens.vocabulary.epoch import ClassEpoch, Epoch
from cxrlens.vocabulary.errors import (
    BundleError,
    CxrlensError,
    ImageRefused,
    InputError,
    MissingToolError,
    OutputError,
    RecipeError,
    TableError,
    WeightsError,
    suggest,
    suggest_renaming,
)
from cxrlens.vocabulary.estimate import Estimate
from cxrlens.vocabulary.geometry import Geometry
from cxrlens.vocabulary.heatmap import Heatmap
from cxrlens.vocabulary.image_warning import ImageWarning
from cxrlens.vocabulary.level import LEVELS, Level, lower_level
from cxrlens.vocabulary.lime_explanation import UNSEEN, LimeExplanation
from cxrlens.vocabulary.lime_settings import HideColor, LimeSettings, SegmentKind
from cxrlens.vocabulary.operating_point import (
    ARGMAX,
    EACH_AT_HALF,
    EVEN_ODDS,
    OperatingPoint,
    Threshold,
)
from cxrlens.vocabulary.plain import Plain, show_name, to_plain
from cxrlens.vocabulary.prediction import NONE_OF_THEM, Prediction, Status
from cxrlens.vocabulary.prediction_table import PredictionTable, number_patients
from cxrlens.vocabulary.progress import Progress, Silence
from cxrlens.vocabulary.provenance import (
    NOT_A_DEVICE,
    PHANTOM_MODEL,
    UNKNOWN_TRAINING,
    Provenance,
    digest,
    digest_lines,
)
from cxrlens.vocabulary.rate_search import RateSearch, RateTrial
from cxrlens.vocabulary.refusal import Refusal
from cxrlens.vocabulary.region import Contour, Region
from cxrlens.vocabulary.stage_size import StageSize
from cxrlens.vocabulary.unfamiliarity import USUAL_LIMIT, Unfamiliarity

__all__ = [
    "ARGMAX",
    "CONTROL_MARGIN",
    "EACH_AT_HALF",
    "EVEN_ODDS",
    "LEVELS",
    "NEAR",
    "NONE_OF_THEM",
    "NOT_A_DEVICE",
    "PHANTOM_MODEL",
    "SAME_BYTES",
    "SAME_PIXELS",
    "UNKNOWN_TRAINING",
    "UNSEEN",
    "USUAL_LIMIT",
    "Audit",
    "Box",
    "BundleError",
    "Calibration",
    "CalibrationMethod",
    "ClassCount",
    "ClassEpoch",
    "ClassIndices",
    "ColourBytes",
    "Contour",
    "CxrlensError",
    "Decisions",
    "Epoch",
    "Estimate",
    "Flags",
    "Gate",
    "Geometry",
    "GreyBytes",
    "GreyImage",
    "Grid",
    "Heatmap",
    "HideColor",
    "ImageRefused",
    "ImageWarning",
    "InputError",
    "Kinship",
    "LabelMatrix",
    "LeakCost",
    "Level",
    "LimeExplanation",
    "LimeSettings",
    "Logits",
    "MissingToolError",
    "ModelCheck",
    "OddCount",
    "OperatingPoint",
    "OutputError",
    "PixelMask",
    "Plain",
    "Points",
    "Prediction",
    "PredictionTable",
    "Probabilities",
    "Progress",
    "Provenance",
    "RateSearch",
    "RateTrial",
    "RecipeError",
    "Refusal",
    "Region",
    "RepeatGroup",
    "Scaling",
    "Scores",
    "SegmentKind",
    "Segments",
    "SharedPatients",
    "Shortcut",
    "Silence",
    "StageSize",
    "Status",
    "Suspect",
    "TableError",
    "Threshold",
    "Unfamiliarity",
    "WeightsError",
    "digest",
    "digest_lines",
    "lower_level",
    "number_patients",
    "show_name",
    "suggest",
    "suggest_renaming",
    "to_plain",
]
