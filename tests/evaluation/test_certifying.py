"""Certificates against a slow second writing in whole fractions, properties, and every refusal."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrlens.evaluation import (
    GRID,
    Certificate,
    CertifiedBundle,
    Promise,
    ReferenceCases,
    Workload,
    certify,
    count_positives_to_certify,
    measure_proportion,
    trace_automation,
)
from cxrlens.evaluation.fixed_sequence import find_decided, find_threshold
from cxrlens.evaluation.promise import Side
from cxrlens.vocabulary import NOT_A_DEVICE, BundleError, InputError, digest, to_plain

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)

LATER = "2027-11-29T12:00:00+00:00"

BUNDLE = CertifiedBundle(digest(b"bundle"), digest(b"preprocessing"))


def name_images(n: int) -> tuple[str, ...]:
    return tuple(digest(str(i).encode()) for i in range(n))


def gather(
    scores: np.ndarray, is_present: np.ndarray, clusters: np.ndarray | None = None
) -> ReferenceCases:
    clusters = np.arange(scores.size) if clusters is None else clusters
    return ReferenceCases(scores, is_present, clusters, name_images(scores.size), "CT")


def draw_cases(seed: int, n_with: int, n_without: int = 200) -> ReferenceCases:
    rng = np.random.default_rng(seed)
    is_present = rng.permutation(np.repeat([True, False], [n_with, n_without]))
    return gather(1 / (1 + np.exp(-rng.normal(4 * is_present - 2))), is_present)


def promise_of(
    n: int, risk: float = 0.05, delta: float = 0.05, decides: str = "negative"
) -> Promise:
    return Promise("pneumonia", risk, delta, (n,), LATER, decides)  # type: ignore[arg-type]


def write_slowly(
    cases: ReferenceCases, promise: Promise, delta: float
) -> tuple[float, int, Fraction] | None:
    """The definition, patient by patient and in fractions."""
    negative = promise.decides == "negative"
    risk = Fraction(promise.risk)
    best = None
    for threshold in promise.grid if negative else reversed(promise.grid):
        patients: dict[int, bool] = {}
        for score, present, patient in zip(
            cases.scores.tolist(), cases.is_present.tolist(), cases.clusters.tolist(), strict=True
        ):
            if present == negative:
                is_wrong = score < threshold if negative else score > threshold
                patients[patient] = patients.get(patient, False) or is_wrong
        n, wrong = len(patients), sum(patients.values())
        p_value = sum(math.comb(n, k) * risk**k * (1 - risk) ** (n - k) for k in range(wrong + 1))
        if p_value > Fraction(delta):
            break
        best = threshold, wrong, Fraction(p_value)
    return best


@pytest.mark.parametrize("decides", ["negative", "positive"])
@pytest.mark.parametrize("seed", range(4))
def test_the_second_writing(decides: Side, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_patients = 120
    clusters = rng.permutation(np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients)))
    is_present = rng.random(clusters.size) < 0.5
    scores = np.round(1 / (1 + np.exp(-rng.normal(3 * is_present - 1.5))), 2)  # with ties
    cases = gather(scores, is_present, clusters)
    n = np.unique(clusters[is_present == (decides == "negative")]).size
    grid = tuple(np.linspace(0.01, 0.99, 50).round(2).tolist())
    promise = replace(promise_of(n, 0.2, 0.1, decides), grid=grid)
    told = certify(cases, promise, BUNDLE, at=NOON)
    expected = write_slowly(cases, promise, 0.1)
    assert expected is not None
    assert (told.threshold, told.n_wrong, told.n_tested) == (*expected[:2], n)
    assert told.p_value == pytest.approx(float(expected[2]), rel=1e-9)


def test_what_a_certificate_says() -> None:
    cases = draw_cases(0, 300)
    told = certify(cases, promise_of(300), BUNDLE, at=NOON)
    assert (told.bundle, told.preprocessing) == (BUNDLE.bundle, BUNDLE.preprocessing)
    assert (told.made_at, told.expires) == ("2026-11-29T12:00:00+00:00", LATER)
    assert (told.finding, told.reference, told.notice) == ("pneumonia", "CT", NOT_A_DEVICE)
    assert (told.look, told.delta_spent) == (1, 0.05)
    decided = cases.scores < told.threshold
    assert told.n_wrong == (decided & cases.is_present).sum()
    assert (told.find_decided(cases.scores) == decided).all()
    assert told.automation.value == decided.mean()
    assert "in-sample" in told.automation.method
    assert told.automation_over == "the 500 images of the test (300 of them with the finding)"
    assert str(told).startswith(
        "at most 5 % of the patients with pneumonia are decided negative by the machine, with 95 %"
    )
    assert Certificate(**told.__dict__) == told
    assert isinstance(to_plain(told), dict)


def test_automation_of_the_daily_work_is_that_of_the_workload() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(400), 2)
    work = Workload(rng.random(800), clusters, "October")
    told = certify(draw_cases(0, 300), promise_of(300), BUNDLE, work, NOON)
    assert (
        told.automation == measure_proportion(work.scores < told.threshold, clusters).to_estimate()
    )
    assert told.automation_over == "October"


def test_a_patient_counts_once_and_by_the_worst() -> None:
    """One image of a patient decided negative is a miss; images without the finding are not."""
    worst = np.linspace(0.3, 0.9, 100)
    clusters = np.repeat(np.arange(100), 3)
    scores = np.stack([np.full(100, 0.95), worst, np.full(100, 0.01)], axis=1).ravel()
    is_present = np.tile([True, True, False], 100)
    several = gather(scores, is_present, clusters)
    assert several.find_worst("negative").tolist() == worst.tolist()
    assert several.find_worst("positive").tolist() == [0.01] * 100
    one = certify(gather(worst, np.full(100, True)), promise_of(100), BUNDLE, at=NOON)
    all_three = certify(several, promise_of(100), BUNDLE, at=NOON)
    assert (one.threshold, one.n_wrong) == (all_three.threshold, all_three.n_wrong)
    # the same images taken for 200 patients would promise more than they can
    naive = certify(gather(scores, is_present), promise_of(200), BUNDLE, at=NOON)
    assert naive.threshold > one.threshold


def test_what_lies_at_the_threshold_is_referred() -> None:
    scores = np.array([0.2, 0.5, 0.8], dtype=np.float32)
    assert find_decided(scores, 0.5, "negative").tolist() == [True, False, False]
    assert find_decided(scores, 0.5, "positive").tolist() == [False, False, True]
    with pytest.raises(InputError, match="1 of 2 scores are no numbers"):
        find_decided(np.array([0.1, np.nan]), 0.5, "negative")


units = st.floats(0, 1)


@given(
    worst=arrays(np.float64, st.integers(1, 150), elements=units),
    risks=st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)),
    deltas=st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)),
    decides=st.sampled_from(["negative", "positive"]),
)
def test_bolder_promises_decide_no_less(
    worst: np.ndarray, risks: tuple[float, float], deltas: tuple[float, float], decides: Side
) -> None:
    def reach(risk: float, delta: float) -> float:
        found = find_threshold(worst, risk, delta, GRID, decides)
        if found is None:
            return -1.0
        assert worst.size >= count_positives_to_certify(risk, delta, found.n_wrong)
        return found.threshold if decides == "negative" else 1 - found.threshold

    boldest = reach(max(risks), max(deltas))
    assert reach(min(risks), max(deltas)) <= boldest
    assert reach(max(risks), min(deltas)) <= boldest


@given(
    n=st.integers(0, 120),
    risk=st.floats(0.02, 0.5),
    delta=st.floats(0.01, 0.5),
    seed=st.integers(0, 9),
)
def test_never_below_the_needed_number(n: int, risk: float, delta: float, seed: int) -> None:
    needed = count_positives_to_certify(risk, delta)
    cases = draw_cases(seed, n, 20)
    if n < needed:
        with pytest.raises(InputError, match=f"{needed - n} are missing"):
            certify(cases, promise_of(needed, risk, delta), BUNDLE, at=NOON)
        with pytest.raises(InputError, match=f"{needed - n} are missing"):
            promise_of(max(n, 1), risk, delta) if n else certify(
                cases, promise_of(needed, risk, delta), BUNDLE, at=NOON
            )
    else:
        safe = replace(cases, scores=np.where(cases.is_present, 1.0, cases.scores))
        assert certify(safe, promise_of(n, risk, delta), BUNDLE, at=NOON).n_wrong == 0


def test_looks_spend_their_parts() -> None:
    promise = Promise("pneumonia", 0.05, 0.05, (100, 200, 400), LATER)
    assert promise.find_spending() == pytest.approx((0.0125, 0.0125, 0.025))
    assert math.fsum(promise.find_spending()) == pytest.approx(0.05)
    cases = draw_cases(3, 400)
    for look, n in enumerate(promise.looks, 1):
        part = cases.take_first(n, "negative")
        told = certify(part, promise, BUNDLE, at=NOON)
        expected = write_slowly(part, promise, promise.find_spending()[look - 1])
        assert expected is not None
        assert (told.look, told.n_tested, told.n_wrong) == (look, n, expected[1])
        assert told.threshold == expected[0]
        alone = certify(part, promise_of(n), BUNDLE, at=NOON)
        assert told.threshold <= alone.threshold  # a look among several is worth less


def test_a_look_that_was_not_declared() -> None:
    promise = Promise("pneumonia", 0.05, 0.05, (100, 200), LATER)
    with pytest.raises(InputError, match="150 patients with pneumonia are none of the looks"):
        certify(draw_cases(0, 150), promise, BUNDLE, at=NOON)
    with pytest.raises(InputError, match="take the first 200"):
        certify(draw_cases(0, 201), promise, BUNDLE, at=NOON)
    with pytest.raises(InputError, match=r"takes at least 72 .* 60 are there: 12 are missing"):
        certify(draw_cases(0, 60), promise, BUNDLE, at=NOON)


def test_a_look_that_could_certify_nothing() -> None:
    with pytest.raises(InputError, match=r"look 1 of 2, after 59 .* takes 91 .*: 32 are missing"):
        Promise("pneumonia", 0.05, 0.05, (59, 300), LATER)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"looks": ()}, "looks of a promise"),
        ({"looks": (200, 100)}, "looks of a promise"),
        ({"risk": 0.0}, "promised miss rate lies between"),
        ({"delta": 1.0}, "promised share of broken promises lies between"),
        ({"finding": ""}, "one finding"),
        ({"expires": "soon"}, "'soon' is no moment"),
        ({"expires": "2027-01-01"}, "no time zone"),
        ({"grid": ()}, "got none"),
        ({"grid": (0.5, 0.5)}, "ascend"),
        ({"grid": (0.5, 1.5)}, "ascend"),
    ],
)
def test_what_cannot_be_promised(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(promise_of(100), **changes)  # type: ignore[arg-type]


def test_no_threshold_keeps_it() -> None:
    scores = np.full(100, 1e-9)  # a model that is sure of the contrary
    with pytest.raises(InputError, match="already 100 of 100 patients with pneumonia"):
        certify(gather(scores, np.full(100, True)), promise_of(100), BUNDLE, at=NOON)


def test_images_that_the_bundle_knows() -> None:
    cases = draw_cases(0, 100)
    knowing = replace(BUNDLE, seen=frozenset(cases.images[:3]))
    with pytest.raises(InputError, match="trained, calibrated or chosen on 3 of the 300 images"):
        certify(cases, promise_of(100), knowing, at=NOON)


def test_cases_that_are_none() -> None:
    cases = draw_cases(0, 5, 5)
    bad = cases.scores.copy()
    bad[3] = np.nan
    for changes, said in (
        ({"scores": bad}, "image 3 .* has the score nan"),
        ({"images": cases.images[:3]}, "equally long columns"),
        ({"images": cases.images[:9] + cases.images[:1]}, "1 of 10 images stand there more"),
        ({"images": ("a.png", *cases.images[1:])}, "named by its SHA-256; got 'a.png'"),
        ({"reference": " "}, "nobody says"),
    ):
        with pytest.raises(InputError, match=said):
            replace(cases, **changes)
    with pytest.raises(InputError, match="there are 5"):
        cases.take_first(6, "negative")
    with pytest.raises(InputError, match="0 scores"):
        Workload(np.empty(0), np.empty(0, dtype=np.int64), "none")
    with pytest.raises(InputError, match="a bundle is named by its SHA-256; got 'x'"):
        CertifiedBundle("x", BUNDLE.preprocessing)


def test_the_first_of_the_cases() -> None:
    clusters = np.array([0, 0, 1, 2, 2, 3])
    cases = gather(np.linspace(0, 1, 6), np.array([False, True, True, False, True, True]), clusters)
    assert len(cases.take_first(1, "negative").scores) == 2
    assert len(cases.take_first(3, "negative").scores) == 5
    assert len(cases.take_first(2, "positive").scores) == 4


def test_the_fingerprint() -> None:
    cases = draw_cases(0, 5, 5)
    order = np.random.default_rng(0).permutation(10)
    moved = ReferenceCases(
        cases.scores[order],
        cases.is_present[order],
        cases.clusters[order] + 7,
        tuple(cases.images[i] for i in order.tolist()),
        "CT",
    )
    assert moved.fingerprint == cases.fingerprint
    assert replace(cases, is_present=~cases.is_present).fingerprint != cases.fingerprint
    assert replace(cases, scores=cases.scores / 2).fingerprint != cases.fingerprint


def test_where_a_certificate_does_not_hold() -> None:
    told = certify(draw_cases(0, 300), promise_of(300), BUNDLE, at=NOON)
    told.check(BUNDLE, NOON)
    told.check(BUNDLE, datetime(2027, 11, 29, 11, 59, tzinfo=UTC))
    for changes, said in (
        ({"bundle": digest(b"other")}, "is of bundle"),
        ({"preprocessing": digest(b"other")}, "is of preprocessing"),
    ):
        with pytest.raises(BundleError, match=said):
            told.check(replace(BUNDLE, **changes), NOON)
    with pytest.raises(InputError, match="ended at"):
        told.check(BUNDLE, datetime(2027, 11, 29, 12, tzinfo=UTC))
    with pytest.raises(InputError, match="set the clock right"):
        told.check(BUNDLE, datetime(2026, 11, 29, 11, 59, tzinfo=UTC))
    with pytest.raises(InputError, match="no time zone"):
        told.check(BUNDLE, datetime(2026, 12, 1))
    with pytest.raises(InputError, match="no time zone"):
        certify(draw_cases(0, 300), promise_of(300), BUNDLE, at=datetime(2026, 12, 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_tested": 58}, "certify anew"),
        ({"threshold": 1.5}, "the threshold 1.5"),
        ({"threshold": math.nan}, "the threshold nan"),
        ({"n_wrong": 0}, "certify anew"),
        ({"n_wrong": 301}, "cannot be"),
        ({"risk": 0.01}, "certify anew"),
        ({"p_value": 0.001}, "certify anew"),
        ({"delta_spent": 0.001}, "delta of its look"),
        ({"delta": 0.01}, "delta of its look"),
        ({"expires": "2026-11-29T12:00:00+00:00"}, "give a later date"),
    ],
)
def test_a_certificate_that_nobody_tested(changes: dict[str, object], said: str) -> None:
    told = certify(draw_cases(0, 300), promise_of(300), BUNDLE, at=NOON)
    assert told.n_wrong > 0
    with pytest.raises(InputError, match=said):
        replace(told, **changes)  # type: ignore[arg-type]


def test_the_curve() -> None:
    cases = draw_cases(5, 300)
    points = trace_automation(cases, 0.05)
    assert [point.risk for point in points] == sorted(point.risk for point in points)
    assert [point.n_missing for point in points[:4]] == [2695, 1197, 298, 0]
    shares = []
    for point in points[3:]:
        told = certify(cases, promise_of(300, point.risk), BUNDLE, at=NOON)
        assert point.tested is not None
        assert (point.tested.threshold, point.tested.p_value) == (told.threshold, told.p_value)
        assert (point.automation, point.over) == (told.automation, told.automation_over)
        assert point.automation is not None
        shares.append(point.automation.value)
    assert shares == sorted(shares)
    assert points[0].tested is None
    assert points[0].automation is None
    sure = gather(np.full(100, 1e-9), np.full(100, True))
    assert trace_automation(sure, 0.05, (0.05,))[0].tested is None
    with pytest.raises(InputError, match="miss rate lies between"):
        trace_automation(cases, 0.05, (0.0,))
    with pytest.raises(InputError, match="got none"):
        trace_automation(cases, 0.05, grid=())
