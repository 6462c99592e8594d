"""Judgements of map methods.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.evaluation import MapScore, judge_maps
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import TableError


def test_reports_by_class() -> None:
    rng = np.random.default_rng(0)
    scores = [
        MapScore(bool(a < 0.5), bool(a < 0.8), float(b), float(c), 0.05 + 0.01 * float(c), 0.5, ())
        for a, b, c in rng.random((60, 3))
    ]
    names = ["pneumonia" if i % 3 else "covid" for i in range(60)]
    clusters = np.repeat(np.arange(30), 2)
    evaluation = judge_maps(scores, names, clusters, method="cam")
    assert evaluation.method == "cam"
    assert [own.class_name for own in evaluation.per_class] == ["covid", "pneumonia"]
    for own in evaluation.per_class:
        rows = [row for row in range(60) if names[row] == own.class_name]
        mine = [scores[row] for row in rows]
        assert own.n_images == len(rows)
        hits = np.array([score.hit for score in mine])
        near = np.array([score.pointing for score in mine])
        assert own.hit_rate == measure_proportion(hits, clusters[rows]).to_estimate()
        assert own.pointing_game == measure_proportion(near, clusters[rows]).to_estimate()
        for name in ("heat_inside", "iou", "mask_share"):
            values = np.array([getattr(score, name) for score in mine])
            assert getattr(own, name) == measure_mean(values, clusters[rows]).to_estimate()


def test_nothing_to_judge() -> None:
    assert judge_maps([], [], np.zeros(0, dtype=np.int64), method="cam").per_class == ()


def test_columns_must_fit() -> None:
    score = MapScore(True, True, 1.0, 1.0, 0.1, 1.0, ())
    with pytest.raises(TableError, match="got 2 scores of 'cam', 1 classes and 3 patients"):
        judge_maps([score, score], ["covid"], np.arange(3), method="cam")
