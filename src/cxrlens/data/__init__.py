"""Many images become a table and a split.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.data.box_file import add_boxes
from cxrlens.data.cell_words import read_known, read_state
from cxrlens.data.conversion import BITS, FORMS, Conversion, convert_table
from cxrlens.data.fingerprint import fingerprint
from cxrlens.data.label_file import LabelFile, read_label_file
from cxrlens.data.patient_ids import find_patient_id
from cxrlens.data.phantom_folder import write_phantoms
from cxrlens.data.reading import read_table
from cxrlens.data.split_file import write_split
from cxrlens.data.splitting import complete_split, fold_table
from cxrlens.data.study_table import (
    COLUMNS,
    LABEL_PREFIX,
    LABEL_STATES,
    SPLITS,
    StudyTable,
    make_frame,
)
from cxrlens.data.table_options import ROLES, TableOptions

__all__ = [
    "BITS",
    "COLUMNS",
    "FORMS",
    "LABEL_PREFIX",
    "LABEL_STATES",
    "ROLES",
    "SPLITS",
    "Conversion",
    "LabelFile",
    "StudyTable",
    "TableOptions",
    "add_boxes",
    "complete_split",
    "convert_table",
    "find_patient_id",
    "fingerprint",
    "fold_table",
    "make_frame",
    "read_known",
    "read_label_file",
    "read_state",
    "read_table",
    "write_phantoms",
    "write_split",
]
