"""The card of map methods against slow second writings and worked verdicts.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.evaluation import (
    HEAT_SHARES,
    MAP_FIGURES,
    BaselineGap,
    Difference,
    MapScore,
    judge_methods,
)
from cxrlens.evaluation.map_card_judging import decide, tune
from cxrlens.evaluation.means import measure_mean
from cxrlens.evaluation.share_gap import measure_mean_gap
from cxrlens.vocabulary import Estimate, TableError

BASELINES = ("mean-mask", "centre", "random")


def _score(rng: np.random.Generator, level: float) -> MapScore:
    """A score whose figures all gather around a level."""
    hit = bool(rng.random() < level)
    near, inside, precision = np.clip(rng.normal(level, 0.1, 3), 0.01, 0.99).tolist()
    ious = tuple(np.clip(rng.normal(level, 0.05, len(HEAT_SHARES)), 0, 1).tolist())
    is_near = hit or bool(near > 0.5)
    return MapScore(hit, is_near, inside, ious[9], 0.1, precision, ious)


def _draw(level: float, n: int, seed: int) -> list[MapScore]:
    rng = np.random.default_rng(seed)
    return [_score(rng, level) for _ in range(n)]


def test_a_good_method_is_better_and_a_constant_one_is_not() -> None:
    n = 120
    scores = {name: _draw(0.2, n, seed) for seed, name in enumerate(BASELINES)}
    scores |= {"good": _draw(0.8, n, 7), "mean-mask copy": scores["mean-mask"]}
    reports = judge_methods(scores, ["a"] * n, np.arange(n), np.arange(n) % 5)
    verdicts = {one.method: (one.points_better, one.covers_better) for one in reports}
    assert verdicts["good"] == ("yes", "yes")
    assert verdicts["mean-mask copy"][1] == "no"
    for report in reports:
        assert [figure.name for figure in report.figures] == list(MAP_FIGURES)
        is_baseline = report.method in BASELINES
        assert all(bool(figure.gaps) != is_baseline for figure in report.figures)
        assert report.n_images == report.n_patients == n


def test_figures_are_means_over_the_images_of_a_class() -> None:
    """Every figure a second time: the plain mean of the class's own scores."""
    n = 30
    names = ["a", "b", "a"] * 10
    scores = {name: _draw(0.3, n, seed) for seed, name in enumerate((*BASELINES, "cam"))}
    reports = judge_methods(scores, names, np.arange(n), np.zeros(n, dtype=np.int64))
    assert [(one.class_name, one.method) for one in reports] == [
        (name, method) for name in ("a", "b") for method in scores
    ]
    for report in reports:
        own = [s for s, name in zip(scores[report.method], names, strict=True)
               if name == report.class_name]  # fmt: skip
        values = [figure.estimate.value for figure in report.figures]
        slow = [
            sum(s.hit for s in own), sum(s.pointing for s in own), sum(s.iou for s in own),
            sum(s.iou for s in own), sum(s.average_precision for s in own),
            sum(s.heat_inside for s in own),
        ]  # fmt: skip
        assert values == pytest.approx([total / len(own) for total in slow])


def test_thresholds_are_chosen_on_the_other_parts() -> None:
    """Part 0 is best cut low and part 1 high: each is cut as the other is best cut."""
    low = tuple(1.0 if share < 0.3 else 0.1 for share in HEAT_SHARES)
    high = tuple(0.9 if share > 0.7 else 0.2 for share in HEAT_SHARES)
    blank = MapScore(False, False, 0.0, 0.5, 0.1, 0.1, ())
    scores = [MapScore(**{**vars(blank), "ious": ious}) for ious in (low, low, high)]
    tuned = tune(scores, np.array([0, 0, 1]))
    assert tuned.tolist() == [0.1, 0.1, 0.2]
    assert tune(scores, np.array([3, 3, 3])).tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        (((0.01, 0.2), (0.02, 0.3)), "yes"),
        (((0.01, 0.2), (-0.02, 0.3)), "cannot tell"),
        (((0.01, 0.2), (-0.2, 0.04)), "no"),
        (((0.01, 0.03), (0.01, 0.04)), "yes"),
        (((None, None), (None, None)), "cannot tell"),
    ],
)
def test_verdicts(ends: tuple[tuple[float, float], ...], verdict: str) -> None:
    gaps = [
        BaselineGap(name, Difference(Estimate(0.0, low, high, 9, "made up"), None))
        for name, (low, high) in zip(("mean-mask", "centre"), ends, strict=True)
    ]
    beaten = BaselineGap("random", Difference(Estimate(-1.0, -1.0, -1.0, 9, "made up"), None))
    assert decide([*gaps, beaten]) == verdict


def test_the_gap_of_means_against_the_bootstrap() -> None:
    """Student's t by patient against 4,000 resamples of patients."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 2)
    own = np.repeat(rng.uniform(-0.1, 0.1, 60), 2)
    second = np.clip(0.4 + own + rng.normal(0, 0.1, 120), 0, 1)
    first = np.clip(second + 0.1 + np.repeat(rng.normal(0, 0.1, 60), 2), 0, 1)
    difference = measure_mean_gap(first, second, patients).to_difference().estimate
    moved = (first - second).reshape(60, 2).mean(axis=1)
    drawn = moved[rng.integers(60, size=(4000, 60))].mean(axis=1)
    assert difference.value == pytest.approx(moved.mean())
    assert difference.low == pytest.approx(np.quantile(drawn, 0.025), abs=0.005)
    assert difference.high == pytest.approx(np.quantile(drawn, 0.975), abs=0.005)
    alone = measure_mean(first, patients).to_estimate()
    assert alone.low is not None
    assert alone.high is not None
    assert difference.low is not None
    assert difference.high is not None
    assert difference.high - difference.low < alone.high - alone.low + 0.02


def test_what_cannot_be_judged_is_named() -> None:
    few = {name: _draw(0.2, 3, 0) for name in BASELINES}
    with pytest.raises(TableError, match="cam \\(2\\)"):
        judge_methods({**few, "cam": _draw(0.2, 2, 0)}, ["a"] * 3, np.arange(3), np.arange(3))
    del few["centre"]
    with pytest.raises(TableError, match="'centre'"):
        judge_methods(few, ["a"] * 3, np.arange(3), np.arange(3))
