"""A table is cut down to a few images of each class, for trying out.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib

import numpy as np

from cxrlens.data import StudyTable
from cxrlens.vocabulary import NONE_OF_THEM, TableError, show_name


def limit_table(table: StudyTable, limit: int, seed: int) -> StudyTable:
    """Keep at most so many images of each class, in each part that the data bring.

    Patients are taken whole, in an order that follows from the seed and their own name, as long as
    no class of theirs is full, and not without any label. Where an image may have several labels,
    those that are known to have none of the classes count as one class more.

    Args:
        table: any.
        limit: most images of a class, 1 or more.
        seed: decides who is taken.

    Returns:
        The images kept, in their order, with a note.

    Raises:
        TableError: if the limit is below 1, or no patient of a class fits into it.
    """
    if limit < 1:
        raise TableError(f"--limit must be 1 or more images of each class; got {limit}")
    has_class, names_of = table.label_matrix == 1, table.classes
    if table.is_multilabel:
        has_none = ~has_class.any(axis=1) & (table.label_matrix == 0).any(axis=1)
        has_class = np.column_stack([has_class, has_none])
        names_of = (*names_of, NONE_OF_THEM)
    names = table.relative_images
    members: dict[tuple[str, str], list[int]] = {}
    for row, (part, patient) in enumerate(zip(table.frame["split"], table.patients, strict=True)):
        who = f"image {names[row]}" if patient is None else f"patient {patient}"
        members.setdefault((str(part), who), []).append(row)
    taken: dict[str, np.ndarray] = {}
    kept: list[int] = []
    for (part, _), rows in sorted(members.items(), key=lambda item: _shuffle(seed, item[0][1])):
        counts = has_class[rows].sum(axis=0)
        so_far = taken.get(part, np.zeros(len(names_of), dtype=int))
        if counts.any() and (so_far[counts > 0] + counts[counts > 0] <= limit).all():
            taken[part] = so_far + counts
            kept.extend(rows)
    missing = np.flatnonzero(~has_class[kept].any(axis=0) & has_class.any(axis=0))
    if len(missing):
        raise TableError(
            f"--limit {limit} leaves no image of {show_name(names_of[missing[0]])!r}: every "
            "patient has more; give a larger one"
        )
    note = (
        f"Only {len(kept)} of {len(table)} images were used: at most {limit} of each class in each "
        "part, patients whole (--limit)."
    )
    limited = table.take(sorted(kept))
    return limited.with_split(limited.frame["split"].tolist(), [note])


def _shuffle(seed: int, who: str) -> bytes:
    return hashlib.sha256(f"{seed} {who}".encode("utf-8", "surrogateescape")).digest()
