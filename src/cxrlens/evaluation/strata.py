"""A prediction table is cut into strata, so that an AUROC compares like with like.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cxrlens.vocabulary import PredictionTable, TableError


def stratify(table: PredictionTable, groups: Sequence[str | None]) -> PredictionTable:
    """Make each fold's cases of one group a stratum, within which alone scores are compared.

    The AUROC of the result is the mean of those of its strata, weighted by their pairs: what the
    groups tell about the classes no longer counts. Decisions and probabilities stay as they are.

    Args:
        table: the predictions.
        groups: the group of each row, such as its source; None means unknown: the row is compared
            with no other.

    Returns:
        The same rows, with strata in place of folds.

    Raises:
        TableError: if there is not one group a row.

    Source:
        Janes and Pepe, Biometrika 2009;96:371-382 (the covariate-adjusted ROC curve; here with
        strata weighted by pairs of cases, not by cases).

    Example:
        >>> import numpy as np
        >>> from cxrlens.vocabulary import PredictionTable
        >>> half, zeros = np.full((3, 2), 0.5), np.zeros(3, dtype=np.int64)
        >>> images, patients = ("a.png", "b.png", "c.png"), (None, None, None)
        >>> table = PredictionTable(("no", "yes"), images, patients, zeros, half, half, zeros)
        >>> stratify(table, ["NIH", "SIIM", "NIH"]).folds
        array([0, 1, 0])
    """
    if len(groups) != len(table.images):
        raise TableError(
            f"strata need one group a row; got {len(groups)} groups for {len(table.images)} rows"
        )
    numbers: dict[object, int] = {}
    keys = (
        (fold, "known", group) if group is not None else (fold, "unknown", row)
        for row, (fold, group) in enumerate(zip(table.folds.tolist(), groups, strict=True))
    )
    strata = [numbers.setdefault(key, len(numbers)) for key in keys]
    return replace(table, folds=np.array(strata, dtype=np.int64))
