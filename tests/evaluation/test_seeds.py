"""Several seeds are no more cases: their mean is not surer than it may be.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from cxrlens.evaluation import average_judgements, judge, judge_maps, measure_spread
from cxrlens.evaluation.auroc import Ranking, measure_auroc
from cxrlens.evaluation.map_scores import MapScore
from cxrlens.vocabulary import Estimate, PredictionTable, TableError

N = 240


def answer(seed: int, *, k: int = 3, n_folds: int = 1, noise: float = 1.0) -> PredictionTable:
    """What a model of one seed says of the same images: two of each patient, some unknown."""
    random = np.random.default_rng(0)
    truth = random.integers(0, k, N)
    patients = tuple(None if i % 10 == 0 else f"p{i // 2}" for i in range(N))
    logits = np.eye(k)[truth] + random.normal(0, 1, (N, k))
    logits += np.random.default_rng(seed).normal(0, noise, (N, k))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    images = tuple(f"{i}.png" for i in range(N))
    folds = np.arange(N) % n_folds
    names = tuple("abcd"[:k])
    return PredictionTable(names, images, patients, truth, logits, probabilities, folds)


def walk(record: object, path: str = "") -> Iterator[tuple[str, Estimate]]:
    """Every estimate of a judgement, with its place."""
    if isinstance(record, Estimate):
        yield path, record
    elif isinstance(record, tuple):
        for i, one in enumerate(record):
            yield from walk(one, f"{path}.{i}")
    elif is_dataclass(record) and not isinstance(record, type):
        for one in fields(record):
            yield from walk(getattr(record, one.name), f"{path}.{one.name}")


@pytest.mark.parametrize("n_folds", [1, 4])
@pytest.mark.parametrize("k", [2, 3])
def test_three_equal_models_have_the_figures_and_intervals_of_one(k: int, n_folds: int) -> None:
    one = judge(answer(1, k=k, n_folds=n_folds), resamples=200)
    three = average_judgements([one, one, one])
    pairs = zip(walk(one), walk(three), strict=True)
    for (path, single), (_, mean) in pairs:
        if single.value is None:
            assert mean == single, path
            continue
        assert mean.value == pytest.approx(single.value, abs=1e-12), path
        assert (mean.low, mean.high) == pytest.approx((single.low, single.high), abs=1e-12), path
        assert mean.n == single.n, path
    assert three.n_images == one.n_images == N
    assert three.n_patients == one.n_patients
    assert np.array_equal(three.confusion, one.confusion)
    assert [c.outcomes for c in three.per_class] == [c.outcomes for c in one.per_class]
    for ours, theirs in zip(three.roc, one.roc, strict=True):
        area = np.trapezoid(ours.true_positive_rate, ours.false_positive_rate)
        assert area == pytest.approx(
            np.trapezoid(theirs.true_positive_rate, theirs.false_positive_rate)
        )


def test_the_figures_are_means_over_the_models_and_lie_in_their_intervals() -> None:
    evaluations = [judge(answer(seed), resamples=200) for seed in (1, 2, 3)]
    mean = average_judgements(evaluations)
    for path, one in walk(mean):
        owns = [dict(walk(evaluation))[path] for evaluation in evaluations]
        if one.value is None:
            assert {own.value for own in owns} == {None}, path
            assert path in {".balanced_accuracy", ".micro_precision", ".micro_recall", ".micro_f1"}
            continue
        assert one.value == pytest.approx(np.mean([own.value for own in owns])), path
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        width = np.mean([own.high - own.low for own in owns])
        assert one.high - one.low == pytest.approx(width), path
    sums = [evaluation.confusion.sum(axis=1).tolist() for evaluation in (*evaluations, mean)]
    assert sums == [sums[0]] * 4  # every row still holds all its images
    exact = np.mean([evaluation.confusion for evaluation in evaluations], axis=0)
    assert np.abs(mean.confusion - exact).max() < 1
    for curve, report in zip(mean.roc, mean.per_class, strict=True):
        area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
        assert area == pytest.approx(report.auroc.value, abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.5])
def test_the_interval_is_that_of_all_answers_with_patients_as_clusters_or_wider(
    noise: float,
) -> None:
    """Obuchowski's over all seeds at once: seeds as strata, a patient's images of all as one."""
    tables = [answer(seed, k=2, noise=noise) for seed in (1, 2, 3)]
    tables = [replace(one, patients=tuple(f"p{i // 2}" for i in range(N))) for one in tables]
    mean = average_judgements([judge(one, resamples=40) for one in tables]).macro_auroc
    joint = measure_auroc(
        Ranking(
            np.concatenate([one.probabilities[:, 1] for one in tables]),
            np.concatenate([one.truth == 1 for one in tables]),
            np.concatenate([one.clusters for one in tables]),
            np.repeat(np.arange(3), N),
        )
    )
    assert joint is not None
    assert mean.value == pytest.approx(joint.value)
    assert mean.low <= joint.low + 1e-3
    assert mean.high >= joint.high - 1e-3
    if noise == 0:
        assert (mean.low, mean.high) == pytest.approx((joint.low, joint.high), abs=1e-9)


def test_maps_are_averaged_too() -> None:
    random = np.random.default_rng(0)

    def judge_once() -> object:
        scores = [
            MapScore(bool(random.integers(2)), True, *random.random(4).tolist(), ())
            for _ in range(40)
        ]
        return judge_maps(scores, ["a"] * 40, np.arange(40), method="cam")

    both = [judge_once(), judge_once()]
    mean = average_judgements(both)
    values = [one.per_class[0].hit_rate.value for one in both]
    assert mean.per_class[0].hit_rate.value == pytest.approx(np.mean(values))
    assert mean.per_class[0].n_images == 40


def test_what_one_model_has_no_interval_for_has_none() -> None:
    whole = judge(answer(1), resamples=200)
    bare = replace(whole, accuracy=Estimate(0.5, None, None, N, "no interval: too few"))
    mean = average_judgements([whole, bare]).accuracy
    assert (mean.low, mean.high, mean.method) == (None, None, "no interval: too few")
    absent = replace(whole, accuracy=Estimate(None, None, None, 0, "not defined: nothing"))
    assert average_judgements([whole, absent]).accuracy.value is None
    assert measure_spread([0, 1], [whole, absent]).accuracy is None


def test_judgements_of_other_images_are_refused() -> None:
    one = judge(answer(1), resamples=40)
    with pytest.raises(TableError, match="of the same images"):
        average_judgements([one, replace(one, n_images=N - 1)])


def test_the_spread_is_from_the_smallest_to_the_largest() -> None:
    evaluations = [judge(answer(seed), resamples=40) for seed in (1, 2, 3)]
    spread = measure_spread([7, 8, 9], evaluations)
    assert [one.seed for one in spread.by_seed] == [7, 8, 9]
    values = [one.accuracy.value for one in evaluations]
    assert spread.accuracy == (min(values), max(values))
    aurocs = [one.macro_auroc.value for one in evaluations]
    assert spread.macro_auroc == (min(aurocs), max(aurocs))
