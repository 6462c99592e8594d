"""A split that keeps patients, and copies of a picture, together.

SPDX-License-Identifier: Apache-2.0
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlens.audit.auditing import Audited
from cxrlens.data import StudyTable, complete_split, convert_table


def resplit(audited: Audited, *, seed: int) -> StudyTable:
    """Cut a new split: no patient and no picture stands on both sides.

    A split that came with the data is given up. The test part is as large as theirs was, or a
    fifth.

    Args:
        audited: whose groups hold patients and repeats.
        seed: decides who is in which part.

    Returns:
        The labelled images with their own patients and the new split.

    Raises:
        TableError: if a class has too few groups for three parts.
    """
    table = audited.collection.table
    matrix = table.label_matrix
    rows = np.flatnonzero(((matrix == 0) | (matrix == 1)).any(axis=1))
    kept = table.take(rows)
    counts = [part for part in kept.frame["split"] if part is not None]
    share = counts.count("test") / len(counts) if counts else 0.0
    names = [f"group {group}" for group in audited.groups[rows].tolist()]
    grouped = kept.with_split([None] * len(kept))
    grouped = StudyTable(
        grouped.frame.assign(patient_id=pd.Series(names, dtype=object)), kept.classes, kept.root
    )
    cut = complete_split(grouped, seed=seed, test=share if 0.05 <= share <= 0.5 else 0.2)
    n_repeats = len(audited.audit.repeats)
    note = f"Split anew by patient and by picture ({n_repeats} groups of repeats), seed {seed}."
    return kept.with_split(list(cut.frame["split"]), [note])


def write_resplit(audited: Audited, out: str | os.PathLike[str], *, seed: int) -> None:
    """Write the new split as a table that `read_table` reads.

    Args:
        audited: as for `resplit`.
        out: a new folder; `table.csv` in it names the images where they are.
        seed: as for `resplit`.

    Raises:
        OutputError: if the folder is not empty or cannot be written.
        TableError: as `resplit`.
    """
    convert_table(resplit(audited, seed=seed), Path(out), to="csv")
