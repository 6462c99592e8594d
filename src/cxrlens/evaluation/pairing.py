"""Two prediction tables are brought into the same order, or it is said why they cannot be.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.vocabulary import PredictionTable, TableError, show_name


def match_tables(first: PredictionTable, second: PredictionTable) -> PredictionTable:
    """Bring the second table into the order of the first, row by row and class by class.

    Args:
        first: any.
        second: the same images, classes, truths and patients.

    Returns:
        The second.

    Raises:
        TableError: if an image occurs twice, one of them has an image or class that the other has
            not, or they say different things of an image.
    """
    if (first.labels is None) != (second.labels is None):
        which = "second" if first.labels is None else "first"
        raise TableError(
            f"the {which} table has several labels an image, the other one class; compare models "
            "that answer alike"
        )
    if set(first.classes) != set(second.classes) or len(first.classes) != len(second.classes):
        raise TableError(
            f"the models must answer the same classes; the first has {_list(first.classes)}, the "
            f"second {_list(second.classes)}"
        )
    _check_images(first, second)
    rows = {image: row for row, image in enumerate(second.images)}
    order = np.array([rows[image] for image in first.images])
    second = second.arrange(order, first.classes)
    ours = np.nan_to_num(_find_truth(first), nan=-2).tolist()
    theirs = np.nan_to_num(_find_truth(second), nan=-2).tolist()
    _check_same(first, "truth", ours, theirs, [first.truths, second.truths])
    _check_same(first, "patient", first.patients, second.patients)
    return second


def _find_truth(table: PredictionTable) -> np.ndarray:
    return table.truth if table.labels is None else table.labels


def _check_images(first: PredictionTable, second: PredictionTable) -> None:
    for which, table in (("first", first), ("second", second)):
        if len(set(table.images)) < len(table.images):
            twice = next(one for i, one in enumerate(table.images) if one in table.images[:i])
            raise TableError(f"{show_name(twice)!r} occurs twice in the {which} table; match by it")
    for have, lack, which in ((first, second, "first"), (second, first, "second")):
        missing = sorted(set(have.images) - set(lack.images))
        if missing:
            raise TableError(
                f"the models must have answered the same images; {len(missing)} of "
                f"{len(have.images)} stand in the {which} table alone, such as "
                f"{show_name(missing[0])!r}"
            )


def _check_same(
    table: PredictionTable,
    what: str,
    ours: Sequence[object],
    theirs: Sequence[object],
    words: Sequence[Sequence[str | None]] | None = None,
) -> None:
    differs = [row for row, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]]
    if differs:
        row = differs[0]
        # a patient's identifier stands in no message
        shown = [repr(side[row]) for side in words] if words else ["one", "another"]
        raise TableError(
            f"the tables must agree on every {what}; of {show_name(table.images[row])!r} the first "
            f"says {shown[0]}, the second {shown[1]} ({len(differs)} images differ)"
        )


def _list(classes: Sequence[str]) -> str:
    return ", ".join(map(show_name, classes))
