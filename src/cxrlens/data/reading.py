"""Whatever a collection comes as, it becomes a study table.

SPDX-License-Identifier: Apache-2.0
"""

import os

from cxrlens.data.class_folders import read_class_folders
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_options import TableOptions


def read_table(path: str | os.PathLike[str], options: TableOptions | None = None) -> StudyTable:
    """Read a collection of radiographs.

    Args:
        path: the collection.
        options: what the files do not say.

    Returns:
        One row an image.

    Raises:
        TableError: if the collection cannot be read.
    """
    del options
    return read_class_folders(path)
