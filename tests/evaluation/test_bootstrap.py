"""Resampling against really repeated rows.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation import bootstrap
from cxrlens.evaluation.auroc import measure_auroc
from cxrlens.evaluation.bootstrap import Resampling, resample_counts, resample_macro_auroc
from cxrlens.evaluation.cases import Cases, select_labelled
from cxrlens.evaluation.counts import count_by_patient
from cxrlens.vocabulary import InputError, PredictionTable

Maker = Callable[..., PredictionTable]


def _repeat(cases: Cases, times: np.ndarray) -> np.ndarray:
    """The rows of a resample: each patient's rows as often as the patient was drawn."""
    return np.repeat(np.arange(cases.truth.size), times[cases.clusters].astype(int))


def test_counts_are_those_of_repeated_rows(draw_table: Maker) -> None:
    cases = select_labelled(draw_table(0, 15, 3))
    decisions = np.argmax(cases.scores, axis=1)
    resampling = Resampling(4, 50)
    drawn = resample_counts(count_by_patient(cases, decisions), resampling)
    weights = np.concatenate(list(resampling.draw(15)))
    for counts, times in zip(drawn, weights, strict=True):
        rows = _repeat(cases, times)
        expected = np.zeros((3, 3))
        for row in rows:
            expected[cases.truth[row], decisions[row]] += 1
        assert np.array_equal(counts, expected)


@pytest.mark.parametrize("folds", [1, 2])
def test_aurocs_are_those_of_repeated_rows(draw_table: Maker, folds: int) -> None:
    cases = select_labelled(draw_table(1, 12, 3))
    cases = replace(cases, scores=np.round(cases.scores, 1), folds=cases.clusters % folds)
    resampling = Resampling(5, 60)
    drawn = resample_macro_auroc(cases, [0, 2], resampling)
    expected = []
    for times in np.concatenate(list(resampling.draw(12))):
        rows = _repeat(cases, times)
        again = Cases(
            cases.classes,
            cases.truth[rows],
            cases.scores[rows],
            cases.clusters[rows],
            cases.folds[rows],
        )
        figures = [measure_auroc(again.rank(index)) for index in (0, 2)]
        values = [figure.value for figure in figures if figure]
        if values:
            expected.append(np.mean(values))
    assert drawn == pytest.approx(np.array(expected))


def test_patients_are_drawn_whole_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(Resampling(0, 100).draw(30)))
    assert (whole.sum(axis=1) == 30).all()
    assert whole.mean(axis=0) == pytest.approx(np.ones(30), abs=0.4)
    monkeypatch.setattr(bootstrap, "_CELLS", 70)
    assert np.array_equal(np.concatenate(list(Resampling(0, 100).draw(30))), whole)


def test_seed_decides() -> None:
    a, b, c = (np.concatenate(list(Resampling(seed, 40).draw(9))) for seed in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize("resamples", [-1, 0, 39])
def test_too_few_resamples_are_refused(resamples: int) -> None:
    with pytest.raises(InputError, match=f"got {resamples}"):
        Resampling(0, resamples)
    assert Resampling(0, 40).resamples == 40
