"""Charts of scores, brightness and features: changes that are planted, and false alarms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, ks_2samp

from cxrlens.evaluation import DriftPlan, watch_drift
from cxrlens.evaluation.feature_directions import fit_directions
from cxrlens.evaluation.psi import count_bins, find_edges, find_psi_p_value, measure_psi
from cxrlens.vocabulary import InputError

PLAN = DriftPlan(window=50, looks=10, false_alarm=0.2)


def draw(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Scores heaped near 0, brightness in whole grey levels (ties), features that correlate."""
    mix = np.random.default_rng(0).normal(size=(6, 30))
    return {
        "scores": rng.beta(0.3, 2.0, n),
        "brightness": np.clip(np.round(rng.normal(120, 8, n)), 0, 255),
        "features": rng.normal(size=(n, 6)) @ mix + 0.3 * rng.normal(size=(n, 30)),
    }


def test_nothing_has_changed() -> None:
    rng = np.random.default_rng(1)
    reference, watched = draw(rng, 500), draw(rng, 530)
    told = watch_drift(reference, watched, PLAN)
    assert not told.alarms
    assert (told.n_watched, told.n_waiting, told.is_spent) == (500, 30, True)
    charts = ["scores", "brightness", *(f"features, direction {i}" for i in (1, 2, 3))]
    assert [one.chart for one in told.looks] == [*charts, "features, rest"] * 10
    assert {one.n_reference for one in told.looks} == {400}
    assert {one.limit for one in told.looks} == {0.2 / (2 * 6 * 10)}


def test_a_look_is_what_its_parts_say() -> None:
    """The second writing: bins from every fifth case, the rest compared; scipy for the distance."""
    rng = np.random.default_rng(2)
    reference, watched = {"scores": rng.random(300)}, {"scores": rng.random(100)}
    told = watch_drift(reference, watched, PLAN).looks
    ours = [value for i, value in enumerate(reference["scores"]) if i % 5]
    edges = find_edges(reference["scores"][::5])
    for number, one in enumerate(told, 1):
        new = watched["scores"][50 * (number - 1) : 50 * number]
        gaps = [
            abs(np.mean([a <= at for a in ours]) - np.mean([b <= at for b in new.tolist()]))
            for at in [*ours, *new.tolist()]
        ]
        assert one.distance == pytest.approx(max(gaps))
        assert one.distance_p_value == ks_2samp(ours, new).pvalue
        counts = count_bins(np.array(ours), edges), count_bins(new, edges)
        assert one.psi == measure_psi(*counts)
        chance = np.random.default_rng([0, number, 0])
        assert one.psi_p_value == find_psi_p_value(*counts, one.limit, chance)
        assert (one.look, one.case) == (number, 50 * number)


def test_more_cases_leave_earlier_looks_as_they_were() -> None:
    rng = np.random.default_rng(3)
    reference, watched = draw(rng, 300), draw(rng, 250)
    early = watch_drift(reference, {name: one[:120] for name, one in watched.items()}, PLAN)
    late = watch_drift(reference, watched, PLAN)
    assert late.looks[: len(early.looks)] == early.looks
    assert (early.n_watched, early.n_waiting, early.is_spent) == (100, 20, False)


def test_brighter_images_raise_an_alarm_in_words() -> None:
    rng = np.random.default_rng(4)
    reference, watched = draw(rng, 500), draw(rng, 300)
    watched["brightness"][150:] = np.clip(np.round(1.3 * watched["brightness"][150:]), 0, 255)
    told = watch_drift(reference, watched, PLAN)
    assert [(one.chart, one.case) for one in told.alarms] == [("brightness", 200)]
    assert told.alarms[0].why.startswith(
        "brightness changed: the 50 cases up to case 200 have a median of 15"
    )
    assert (told.n_watched, told.n_waiting) == (200, 100)


def test_one_class_only_raises_an_alarm() -> None:
    rng = np.random.default_rng(5)
    reference, watched = draw(rng, 500), draw(rng, 100)
    watched["scores"][50:] = 0.97
    assert watch_drift(reference, watched, PLAN).alarms[0].chart == "scores"


def test_a_new_direction_of_the_features_shows_in_the_rest() -> None:
    rng = np.random.default_rng(6)
    reference, watched = draw(rng, 500), draw(rng, 50)
    watched["features"] = watched["features"] + 1.5 * rng.normal(size=(50, 30))
    assert "features, rest" in [one.chart for one in watch_drift(reference, watched, PLAN).alarms]


def test_directions_are_those_of_a_covariance() -> None:
    """The second writing: eigenvectors, and Pythagoras for the rest."""
    rng = np.random.default_rng(7)
    features = draw(rng, 200)["features"]
    features[:, 3] = 2.0  # never varies
    told = fit_directions(features)
    scaled = (features - features.mean(axis=0)) / np.where(told.scale == 1, 1, features.std(axis=0))
    values, vectors = np.linalg.eigh(np.cov(scaled.T))
    parts = told.project(features)
    assert parts.shape == (200, 4)
    assert parts[:, :3].var(axis=0, ddof=1) == pytest.approx(values[::-1][:3])
    for mine, other in zip(told.directions, vectors.T[::-1], strict=False):
        assert abs(mine @ other) == pytest.approx(1)
    for row, part in zip(scaled, parts, strict=True):
        rest = math.sqrt((row @ row - part[:3] @ part[:3]) / 30)
        assert part[3] == pytest.approx(rest)


def test_no_case_and_no_full_window() -> None:
    rng = np.random.default_rng(8)
    told = watch_drift(draw(rng, 100), draw(rng, 49), PLAN)
    assert (told.looks, told.alarms, told.n_watched, told.n_waiting) == ((), (), 0, 49)
    assert watch_drift(draw(rng, 100), draw(rng, 0), PLAN).looks == ()


def test_charts_that_cannot_be() -> None:
    rng = np.random.default_rng(9)
    reference, watched = draw(rng, 200), draw(rng, 60)
    bad = watched["scores"].copy()
    bad[7] = np.nan
    for ours, theirs, said in (
        (reference, {"scores": watched["scores"]}, "give both the same"),
        ({}, {}, "at least one"),
        (reference, {**watched, "scores": bad}, "case 7 .* of the new cases has no number for"),
        (reference, {**watched, "scores": bad[:50]}, "charts of the new cases are of the same"),
        (reference, {**watched, "features": watched["features"][:, :9]}, "as many features"),
        ({"x": np.zeros((200, 2, 2))}, {"x": np.zeros((60, 2, 2))}, "needs a number a case"),
        (draw(rng, 60), watched, "40 are missing of 100"),
    ):
        with pytest.raises(InputError, match=said):
            watch_drift(ours, theirs, PLAN)
    for changes in ({"window": 19}, {"looks": 0}, {"false_alarm": 0.0}, {"false_alarm": 1.0}):
        with pytest.raises(InputError, match="a plan needs windows"):
            replace(PLAN, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_false_alarms_of_300_quiet_years() -> None:
    """Seldom enough over all looks and charts, and not so seldom that nobody really tests."""
    plan = DriftPlan(window=50, looks=4, false_alarm=0.4)
    n_false = 0
    for run in range(300):
        rng = np.random.default_rng([10, run])
        reference, watched = draw(rng, 300), draw(rng, 200)
        del reference["features"], watched["features"]
        n_false += bool(watch_drift(reference, watched, plan).alarms)
    assert binomtest(n_false, 300, 0.4, "greater").pvalue > 0.01
    assert n_false > 40


@pytest.mark.slow
def test_delay_of_planted_changes() -> None:
    """Images 1.3 times as bright: the next look. Twice as many with the finding: within a few."""
    plan = DriftPlan(window=100, looks=20, false_alarm=0.05)
    brighter, commoner = [], []
    for run in range(40):
        rng = np.random.default_rng([11, run])
        reference, watched = draw(rng, 1000), draw(rng, 2000)
        del reference["features"], watched["features"]
        changed = dict(watched)
        changed["brightness"] = np.where(np.arange(2000) < 400, 1.0, 1.3) * watched["brightness"]
        brighter.append(watch_drift(reference, changed, plan).alarms[0].case)
        changed = dict(watched)
        changed["scores"] = np.where(np.arange(2000) < 400, watched["scores"],
                                     rng.beta(0.6, 2.0, 2000))  # fmt: skip
        alarms = watch_drift(reference, changed, plan).alarms
        commoner.append(alarms[0].case if alarms else 9999)
    late = np.array(brighter)[np.array(brighter) > 400]
    assert late.size >= 38
    assert (late == 500).all()
    late = np.array(commoner)[np.array(commoner) > 400]
    assert late.size >= 38
    assert np.median(late) <= 600
