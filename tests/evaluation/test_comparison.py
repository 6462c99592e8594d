"""Comparisons against loops, DeLong's paired test, the jackknife, and simulation.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t
from sklearn.metrics import roc_auc_score

from cxrlens.evaluation import compare
from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.auroc_gap import measure_auroc_gap
from cxrlens.vocabulary import InputError, PredictionTable, TableError

Maker = Callable[..., PredictionTable]


def _draw(
    seed: int, n_patients: int, aurocs: tuple[float, float], folds: tuple[int, int] = (1, 1)
) -> tuple[Ranking, Ranking]:
    """Two models of the same images: up to four a patient, errors that hang together."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
    lean = rng.random(n_patients)[clusters]
    positive = rng.random(clusters.size) < 0.2 + 0.5 * (lean > 0.5)
    both, own = rng.normal(size=n_patients)[clusters], rng.normal(size=clusters.size)
    rankings = []
    for auroc, k in zip(aurocs, folds, strict=True):
        noise = rng.normal(size=n_patients)[clusters], rng.normal(size=clusters.size)
        error = np.sqrt([0.3, 0.3, 0.2, 0.2]) @ np.array([both, own, *noise])
        scores = error + np.sqrt(2) * norm.ppf(auroc) * positive
        fold = rng.integers(k, size=n_patients)[clusters]
        rankings.append(Ranking(scores, positive, clusters, fold))
    return rankings[0], rankings[1]


def _beats(a: float, b: float) -> float:
    return 1.0 if a > b else 0.5 if a == b else 0.0


def _by_loops(first: Ranking, second: Ranking) -> tuple[float, float]:
    """Obuchowski 1997 for two tests of one fold: var 1 + var 2 - 2 cov, as the paper writes it."""
    ids = sorted(set(first.clusters.tolist()))
    sums: list[tuple[list[float], list[float]]] = []
    values = []
    m, n = int(first.is_positive.sum()), int((~first.is_positive).sum())
    for one in (first, second):
        x = one.scores[one.is_positive]
        y = one.scores[~one.is_positive]
        v10 = {i: float(np.mean([_beats(one.scores[i], b) for b in y]))
               for i in np.flatnonzero(one.is_positive)}  # fmt: skip
        v01 = {i: float(np.mean([_beats(a, one.scores[i]) for a in x]))
               for i in np.flatnonzero(~one.is_positive)}  # fmt: skip
        theta = sum(v10.values()) / m
        values.append(theta)
        sums.append(
            (
                [sum(v - theta for i, v in v10.items() if one.clusters[i] == c) for c in ids],
                [sum(v - theta for i, v in v01.items() if one.clusters[i] == c) for c in ids],
            )
        )
    i10 = len(set(first.clusters[first.is_positive].tolist()))
    i01 = len(set(first.clusters[~first.is_positive].tolist()))
    size = len(ids)

    def covary(a: int, b: int) -> float:
        pairs10 = zip(sums[a][0], sums[b][0], strict=True)
        pairs01 = zip(sums[a][1], sums[b][1], strict=True)
        cross1 = zip(sums[a][0], sums[b][1], strict=True)
        cross2 = zip(sums[b][0], sums[a][1], strict=True)
        s10 = i10 / ((i10 - 1) * m) * sum(p * q for p, q in pairs10)
        s01 = i01 / ((i01 - 1) * n) * sum(p * q for p, q in pairs01)
        s11 = size / (size - 1) * sum(p * q for p, q in cross1)
        s11_turned = size / (size - 1) * sum(p * q for p, q in cross2)
        return s10 / m + s01 / n + s11 / (m * n) + s11_turned / (m * n)

    return values[0] - values[1], covary(0, 0) + covary(1, 1) - 2 * covary(0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_obuchowski_by_loops(seed: int) -> None:
    first, second = _draw(seed, 25, (0.85, 0.7))
    first = replace(first, scores=np.round(first.scores))
    gap = measure_auroc_gap(first, second)
    assert gap is not None
    assert (gap.value, gap.spread.variance) == pytest.approx(_by_loops(first, second))


def test_one_image_a_patient_is_delongs_paired_test() -> None:
    rng = np.random.default_rng(3)
    positive = np.arange(90) < 35
    common = rng.normal(size=90)
    scores = [np.round(common + rng.normal(size=90) + positive * shift, 1) for shift in (2, 1)]
    zeros = np.zeros(90, dtype=np.int64)
    first, second = (Ranking(one, positive, np.arange(90), zeros) for one in scores)
    gap = measure_auroc_gap(first, second)
    assert gap is not None
    # DeLong 1988: L S L' with S = S10 / m + S01 / n, the sample covariances of the components
    v10 = [[np.mean([_beats(x, y) for y in s[~positive]]) for x in s[positive]] for s in scores]
    v01 = [[np.mean([_beats(x, y) for x in s[positive]]) for y in s[~positive]] for s in scores]
    covariance = np.cov(v10) / 35 + np.cov(v01) / 55
    variance = np.array([1, -1]) @ covariance @ np.array([1, -1])
    assert gap.spread.variance == pytest.approx(variance)
    assert gap.correlation == pytest.approx(
        covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    )
    expected = roc_auc_score(positive, scores[0]) - roc_auc_score(positive, scores[1])
    assert gap.value == pytest.approx(expected)
    told = gap.to_difference()
    assert told.p_value == pytest.approx(
        2 * t.sf(expected / np.sqrt(variance), gap.spread.degrees_of_freedom)
    )


def test_other_folds_for_each_model_are_the_jackknifes() -> None:
    first, second = _draw(2, 200, (0.85, 0.75), folds=(3, 4))
    gap = measure_auroc_gap(first, second)
    assert gap is not None
    by_loops = []
    for one in (first, second):
        pairs = [
            _beats(one.scores[a], one.scores[b])
            for a in np.flatnonzero(one.is_positive)
            for b in np.flatnonzero(~one.is_positive)
            if one.folds[a] == one.folds[b]
        ]
        by_loops.append(np.mean(pairs))
    assert gap.value == pytest.approx(by_loops[0] - by_loops[1])
    without = []
    for patient in range(200):
        keep = first.clusters != patient
        less = [
            Ranking(one.scores[keep], one.is_positive[keep], one.clusters[keep], one.folds[keep])
            for one in (first, second)
        ]
        again = measure_auroc_gap(less[0], less[1])
        assert again is not None
        without.append(again.value)
    jackknife = 199 / 200 * np.sum((np.array(without) - np.mean(without)) ** 2)
    assert gap.spread.variance == pytest.approx(jackknife, rel=0.08)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_exchanged_models_turn_the_difference(seed: int) -> None:
    first, second = _draw(seed, 20, (0.85, 0.75), folds=(2, 1))
    one, other = measure_auroc_gap(first, second), measure_auroc_gap(second, first)
    assert one is not None
    assert other is not None
    a, b = one.to_difference(), other.to_difference()
    assert a.estimate.value == pytest.approx(-(b.estimate.value or 0))
    if a.estimate.low is None or b.estimate.high is None:
        assert a.estimate.high is b.estimate.low is None
        return
    assert a.estimate.low == pytest.approx(-b.estimate.high)
    assert (a.p_value is None) == (b.p_value is None)


@pytest.mark.parametrize("k", [2, 3])
def test_equal_tables_differ_by_nothing(draw_table: Maker, k: int) -> None:
    table = draw_table(0, 60, k)
    other = replace(table, folds=table.folds.copy())
    comparison = compare(table, other, resamples=100)
    for difference in (comparison.accuracy, comparison.macro_auroc, *comparison.auroc):
        estimate = difference.estimate
        assert estimate.value == 0
        assert difference.p_value is None
        assert estimate.low is not None
        assert estimate.high is not None
        assert -0.1 < estimate.low <= 0 <= estimate.high < 0.1
        assert "few patients tell the models apart" in estimate.method


def test_two_perfect_models_leave_room_for_patients(make_table: Maker) -> None:
    truth = np.arange(80) % 2
    sure = np.eye(2)[truth]
    comparison = compare(make_table(truth, 0.9 * sure + 0.05), make_table(truth, sure))
    estimate = comparison.macro_auroc.estimate
    assert estimate.value == 0
    assert estimate.low is not None
    assert estimate.low < -0.02
    accuracy = comparison.accuracy.estimate
    assert accuracy.low is not None
    assert accuracy.low < -0.02


def _change(table: PredictionTable, seed: int, noise: float) -> PredictionTable:
    """Another model's answers, worse by noise, in another order, with folds of its own."""
    rng = np.random.default_rng(seed)
    logits = table.logits + noise * rng.normal(size=table.logits.shape)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    order = rng.permutation(len(table.images))
    return PredictionTable(
        table.classes,
        tuple(table.images[row] for row in order),
        tuple(table.patients[row] for row in order),
        table.truth[order],
        logits[order],
        probabilities[order],
        rng.integers(3, size=len(set(table.patients)))[table.clusters][order],
    )


def test_macro_of_three_classes_is_near_the_jackknife(draw_table: Maker) -> None:
    first = draw_table(4, 150, 3, 1.0)
    second = _change(first, 5, 1.5)
    comparison = compare(first, second, resamples=4000)
    estimate = comparison.macro_auroc.estimate
    values = [one.estimate.value for one in comparison.auroc]
    assert estimate.value == pytest.approx(np.mean(values))
    without = []
    for patient in set(first.patients):
        keep = [one != patient for one in first.patients]
        less = [_keep(first, keep), _keep(second, [one != patient for one in second.patients])]
        means = []
        for table in less:
            aurocs = [_auroc_by_pairs(table, index) for index in range(3)]
            means.append(np.mean(aurocs))
        without.append(means[0] - means[1])
    error = np.sqrt(149 / 150 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert estimate.low is not None
    assert estimate.high is not None
    assert (estimate.high - estimate.low) / (2 * 1.96) == pytest.approx(error, rel=0.08)
    p_value = 2 * norm.sf(abs(estimate.value or 0) / error)
    assert comparison.macro_auroc.p_value is not None
    assert comparison.macro_auroc.p_value == pytest.approx(p_value, abs=0.02)


def _keep(table: PredictionTable, keep: list[bool]) -> PredictionTable:
    rows = np.flatnonzero(keep)
    return PredictionTable(
        table.classes,
        tuple(table.images[row] for row in rows),
        tuple(table.patients[row] for row in rows),
        table.truth[rows],
        table.logits[rows],
        table.probabilities[rows],
        table.folds[rows],
    )


def _auroc_by_pairs(table: PredictionTable, index: int) -> float:
    scores, positive = table.probabilities[:, index], table.truth == index
    wins = np.sign(scores[positive][:, None] - scores[~positive][None]) / 2 + 0.5
    same = table.folds[positive][:, None] == table.folds[~positive][None]
    return float(wins[same].mean())


def test_accuracy_is_the_paired_t_test_of_patients(draw_table: Maker) -> None:
    first = draw_table(6, 80, 3)
    second = replace(_change(first, 7, 1.0), folds=np.zeros(len(first.images), dtype=np.int64))
    comparison = compare(first, second, resamples=100)
    rows = {image: row for row, image in enumerate(second.images)}
    moved = np.array([
        int(first.probabilities[i].argmax() == first.truth[i])
        - int(second.probabilities[rows[name]].argmax() == first.truth[i])
        for i, name in enumerate(first.images)
    ])  # fmt: skip
    clusters, mean = first.clusters, moved.mean()
    sums = [(moved[clusters == c] - mean).sum() for c in range(80)]
    error = np.sqrt(80 / 79 * np.square(sums).sum()) / moved.size
    estimate = comparison.accuracy.estimate
    reach = t.ppf(0.975, 79) * error
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (mean, mean - reach, mean + reach)
    )
    assert comparison.accuracy.p_value == pytest.approx(2 * t.sf(abs(mean) / error, 79))


def test_four_patients_are_too_few(make_table: Maker) -> None:
    truth = np.repeat([0, 1, 2], [4, 20, 20])
    rng = np.random.default_rng(0)
    tables = [make_table(truth, rng.dirichlet(np.ones(3), 44)) for _ in range(2)]
    comparison = compare(tables[0], tables[1], resamples=100)
    for difference in (comparison.macro_auroc, comparison.auroc[0]):
        assert difference.estimate.value is not None
        assert difference.estimate.low is None
        assert difference.p_value is None
        assert "4 patients" in difference.estimate.method
        assert "too few for an interval" in str(difference)
    assert comparison.auroc[1].estimate.low is not None


def test_a_class_that_nobody_has_is_left_out_by_name(make_table: Maker) -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(60) % 2
    tables = [make_table(truth, rng.dirichlet(np.ones(3), 60)) for _ in range(2)]
    comparison = compare(tables[0], tables[1], resamples=100)
    assert str(comparison.auroc[2]) == "not defined"
    assert "class 2" in comparison.macro_auroc.estimate.method


def test_bootstrap_draws_the_same_patients_for_both(draw_table: Maker) -> None:
    first = draw_table(8, 60, 3)
    second = _change(first, 9, 1.0)
    comparison = compare(first, second, seed=3, resamples=60)
    rows = {image: row for row, image in enumerate(second.images)}
    order = np.array([rows[one] for one in first.images])
    decided = [first.probabilities.argmax(axis=1), second.probabilities[order].argmax(axis=1)]
    clusters, truth = first.clusters, first.truth
    generator = np.random.default_rng(3)
    drawn = generator.integers(60, size=(60, 60))
    moved = []
    for patients in drawn:
        images = np.concatenate([np.flatnonzero(clusters == one) for one in patients])
        hits = [float(np.mean(one[images] == truth[images])) for one in decided]
        moved.append(hits[0] - hits[1])
    assert comparison.overall[1].bootstrap == pytest.approx(np.quantile(moved, [0.025, 0.975]))


def test_each_class_has_its_sensitivity_and_specificity(draw_table: Maker) -> None:
    first = draw_table(8, 60, 3)
    second = replace(_change(first, 9, 1.0), folds=np.zeros(len(first.images), dtype=np.int64))
    comparison = compare(first, second, resamples=40)
    assert len(comparison.per_class) == 9
    for figure in comparison.per_class:
        values = []
        for table in (first, second):
            index = table.classes.index(figure.class_name or "")
            decided, true = table.probabilities.argmax(axis=1) == index, table.truth == index
            values.append({
                "AUROC": _auroc_by_pairs(table, index),
                "sensitivity": decided[true].mean(),
                "specificity": 1 - decided[~true].mean(),
            }[figure.name])  # fmt: skip
        assert (figure.first.value, figure.second.value) == pytest.approx(values)
        assert figure.difference.estimate.value == pytest.approx(values[0] - values[1])
        assert figure.adjusted_p_value is not None
        assert figure.p_value is not None
        assert figure.adjusted_p_value >= figure.p_value
        assert (figure.discordance is None) == (figure.name == "AUROC")
    assert len({figure.label for figure in comparison.told}) == 11


def test_classes_in_another_order_are_the_same(draw_table: Maker) -> None:
    first = draw_table(8, 40, 3)
    turned = replace(
        first,
        classes=first.classes[::-1],
        truth=2 - first.truth,
        logits=first.logits[:, ::-1],
        probabilities=first.probabilities[:, ::-1],
    )
    comparison = compare(first, turned, resamples=40)
    assert [one.difference.estimate.value for one in comparison.told] == [0] * 11


def test_of_two_classes_the_second_is_told(draw_table: Maker) -> None:
    first = draw_table(8, 40, 2)
    comparison = compare(first, _change(first, 9, 1.0), resamples=40)
    assert [one.label for one in comparison.told] == [
        "AUROC", "accuracy", "sensitivity of class 1", "specificity of class 1",
    ]  # fmt: skip
    assert all(one.adjusted_p_value is None for one in comparison.per_class)
    assert comparison.macro_auroc == comparison.auroc[1]


def _make_several(table: PredictionTable, seed: int) -> PredictionTable:
    """Labels of two classes, some uncertain or missing, beside the answers of a table."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([1, 0, -1, np.nan], p=[0.4, 0.4, 0.1, 0.1], size=table.logits.shape)
    nothing = np.full(len(table.images), -1)
    return replace(table, truth=nothing, labels=labels.astype(np.float32))


def test_several_labels_are_compared_where_they_are_known(draw_table: Maker) -> None:
    first = _make_several(draw_table(8, 80, 2), 0)
    rng = np.random.default_rng(5)
    logits = first.logits + rng.normal(size=first.logits.shape)
    second = replace(first, probabilities=1 / (1 + np.exp(-logits)), logits=logits)
    comparison = compare(first, second, resamples=40)
    assert comparison.is_multilabel
    assert first.labels is not None
    assert [one.name for one in comparison.overall] == ["macro AUROC"]
    with pytest.raises(InputError, match="several classes"):
        comparison.accuracy  # noqa: B018 (it raises)
    for figure in comparison.per_class:
        index = first.classes.index(figure.class_name or "")
        labels = first.labels[:, index]
        known = np.isin(labels, (0, 1))
        score, true = second.probabilities[known, index], labels[known] == 1
        expected = {
            "AUROC": roc_auc_score(true, score),
            "sensitivity": np.mean(score[true] >= 0.5),
            "specificity": np.mean(score[~true] < 0.5),
        }[figure.name]
        assert figure.second.value == pytest.approx(expected)
    values = [one.estimate.value for one in comparison.auroc]
    assert comparison.macro_auroc.estimate.value == pytest.approx(np.mean(values))
    changed = first.labels.copy()
    changed[4, 1] = 0 if changed[4, 1] == 1 else 1
    with pytest.raises(TableError, match=r"every truth; of '4.png' .* \(1 images differ"):
        compare(first, replace(second, labels=changed))
    with pytest.raises(TableError, match="the first table has several labels an image"):
        compare(first, replace(second, labels=None))


@pytest.mark.parametrize("smallest", [0.0, 1.0, float("nan")])
def test_a_difference_that_is_none_is_refused(draw_table: Maker, smallest: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        compare(draw_table(0, 20, 2), draw_table(0, 20, 2), smallest=smallest)


def test_other_cases_are_refused_by_name(make_table: Maker) -> None:
    rng = np.random.default_rng(0)
    table = make_table(np.arange(20) % 2, rng.dirichlet(np.ones(2), 20))
    with pytest.raises(TableError, match=r"1 of 20 .* first table alone, such as '7.png'"):
        compare(table, _keep(table, [i != 7 for i in range(20)]))
    with pytest.raises(TableError, match=r"second table alone, such as '7.png'"):
        compare(_keep(table, [i != 7 for i in range(20)]), table)
    with pytest.raises(TableError, match="first has class 0, class 1, the second a, b"):
        compare(table, replace(table, classes=("a", "b")))
    with pytest.raises(TableError, match=r"every truth; of '3.png' .*'class 1', .*'class 0' \(1 "):
        compare(table, replace(table, truth=table.truth * (np.arange(20) != 3)))
    patients = ("other", *table.patients[1:])
    with pytest.raises(TableError, match=r"every patient; of '0.png' the first says one, the"):
        compare(table, replace(table, patients=patients))
    with pytest.raises(TableError, match=r"'1.png' occurs twice in the second"):
        compare(table, replace(table, images=(*table.images[:-1], "1.png")))


def test_a_difference_reads_as_people_write_it(make_table: Maker) -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(100) % 2
    good = np.clip(truth + rng.normal(0, 0.5, 100), -1, 2) / 4 + 0.3
    poor = np.clip(truth + rng.normal(0, 2.0, 100), -3, 4) / 8 + 0.4
    tables = [make_table(truth, np.stack([1 - one, one], axis=1)) for one in (good, poor)]
    difference = compare(tables[0], tables[1]).macro_auroc
    estimate = difference.estimate
    assert str(difference) == (
        f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f}), p < 0.001"
    )


def _cover(studies: int, n_patients: int, aurocs: tuple[float, float]) -> float:
    covered = 0
    for study in range(studies):
        gap = measure_auroc_gap(*_draw(5000 + study, n_patients, aurocs, folds=(2, 3)))
        assert gap is not None
        told = gap.to_difference().estimate
        assert told.low is not None
        assert told.high is not None
        covered += told.low <= aurocs[0] - aurocs[1] <= told.high
    return covered / studies


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_patients", "aurocs"), [(60, (0.8, 0.8)), (100, (0.97, 0.93)), (200, (0.9, 0.75))]
)
def test_coverage_of_the_auroc_gap(n_patients: int, aurocs: tuple[float, float]) -> None:
    assert 0.93 <= _cover(1200, n_patients, aurocs) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.9, 0.85), (0.7, 0.7), (0.98, 0.96)])
def test_coverage_of_the_accuracy_gap(make_table: Maker, shares: tuple[float, float]) -> None:
    covered = 0
    for study in range(1000):
        rng = np.random.default_rng(study)
        patients = np.repeat(np.arange(150), rng.integers(1, 5, 150))
        hard = np.sqrt(0.4) * rng.normal(size=150)[patients]
        hard = hard + np.sqrt(0.3) * rng.normal(size=patients.size)
        truth, names = np.zeros(patients.size), [f"p{i}" for i in patients]
        tables = []
        for share in shares:
            error = hard + np.sqrt(0.3) * rng.normal(size=patients.size)
            hits = (error < norm.ppf(share)).astype(np.float64)
            tables.append(make_table(truth, np.stack([hits, 1 - hits], axis=1), names))
        told = compare(tables[0], tables[1]).accuracy.estimate
        assert told.low is not None
        assert told.high is not None
        covered += told.low <= shares[0] - shares[1] <= told.high
    assert 0.93 <= covered / 1000 <= 0.975, covered


@pytest.mark.parametrize("is_several", [False, True])
def test_decisions_that_a_table_brings_are_compared(draw_table: Maker, is_several: bool) -> None:
    """The same probabilities at two thresholds: AUROC cannot tell them apart, sensitivity can."""
    table = draw_table(1, 60, 2)
    if is_several:
        labels = np.eye(2, dtype=np.float32)[table.truth]
        labels[::7, 1] = np.nan
        table = replace(table, truth=np.full(table.truth.size, -1), labels=labels)
    second = table.probabilities[:, 1] >= 0.2
    eager = replace(table, decisions=np.stack([~second, second], axis=1))
    order = np.random.default_rng(0).permutation(len(table.images))
    turned = eager.arrange(order, ("class 1", "class 0"))
    made = compare(table, turned, resamples=40)
    assert made.macro_auroc.estimate.value == pytest.approx(0)
    labels = table.known_labels[:, 1]
    plain = table.decided[:, 1]
    for one in made.per_class:
        if one.class_name == "class 1" and one.name != "AUROC":
            side = labels == (1 if one.name == "sensitivity" else 0)
            right = [(own == (one.name == "sensitivity"))[side].mean() for own in (plain, second)]
            assert (one.first.value, one.second.value) == pytest.approx(right)
            assert one.first.value != one.second.value
    if not is_several:
        assert made.overall[1].second.value == pytest.approx((second == table.truth).mean())
