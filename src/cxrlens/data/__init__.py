"""Many images become a table and a split.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.data.fingerprint import fingerprint
from cxrlens.data.folder import read_table
from cxrlens.data.patient_ids import find_patient_id
from cxrlens.data.split_file import write_split
from cxrlens.data.splitting import complete_split, fold_table
from cxrlens.data.study_table import COLUMNS, SPLITS, StudyTable, make_frame

__all__ = [
    "COLUMNS",
    "SPLITS",
    "StudyTable",
    "complete_split",
    "find_patient_id",
    "fingerprint",
    "fold_table",
    "make_frame",
    "read_table",
    "write_split",
]
