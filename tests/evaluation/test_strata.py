"""Strata against pairs counted one by one.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation import compare, judge, stratify
from cxrlens.vocabulary import PredictionTable, TableError

Maker = Callable[..., PredictionTable]


def _draw(draw_table: Maker, k: int = 2) -> tuple[PredictionTable, list[str | None]]:
    table = draw_table(0, 60, k)
    folds = table.clusters % 3
    random = np.random.default_rng(1)
    groups = [random.choice(["NIH", "SIIM", None]) for _ in folds]
    return replace(table, folds=folds), groups


def test_only_pairs_of_one_fold_and_group_count(draw_table: Maker) -> None:
    table, groups = _draw(draw_table)
    wins = pairs = 0.0
    scores = table.probabilities[:, 1]
    for a in np.flatnonzero(table.truth == 1):
        for b in np.flatnonzero(table.truth == 0):
            if table.folds[a] == table.folds[b] and groups[a] == groups[b] is not None:
                wins += float(scores[a] > scores[b]) + 0.5 * float(scores[a] == scores[b])
                pairs += 1
    within = judge(stratify(table, groups))
    assert within.macro_auroc.value == pytest.approx(wins / pairs)
    assert within.accuracy == judge(table).accuracy


def test_what_the_group_alone_tells_no_longer_counts(draw_table: Maker) -> None:
    table, _ = _draw(draw_table, 3)
    groups = [f"source {truth}" for truth in table.truth]
    assert judge(stratify(table, groups)).macro_auroc.value is None
    mixed = ["one" if row % 7 == 0 else group for row, group in enumerate(groups)]
    shifted = np.eye(3)[table.truth]
    knows_source = replace(table, probabilities=shifted * (np.arange(len(mixed)) % 7 > 0)[:, None])
    blind = judge(stratify(knows_source, mixed))
    assert blind.macro_auroc.value == 0.5
    assert (judge(knows_source).macro_auroc.value or 0) > 0.9


def test_comparisons_keep_to_the_strata_of_each_model(draw_table: Maker) -> None:
    table, groups = _draw(draw_table)
    other = replace(table, probabilities=table.probabilities[:, ::-1].copy())
    comparison = compare(stratify(table, groups), stratify(other, groups))
    one, two = (judge(stratify(each, groups)).macro_auroc.value for each in (table, other))
    assert one is not None
    assert two is not None
    assert comparison.macro_auroc.estimate.value == pytest.approx(one - two)


def test_one_group_a_row(draw_table: Maker) -> None:
    table, groups = _draw(draw_table)
    with pytest.raises(TableError, match="got 2 groups for"):
        stratify(table, groups[:2])
