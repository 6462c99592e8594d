"""Whole judgements against scikit-learn, worked cases and simulation.

SPDX-License-Identifier: Apache-2.0
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    classification_report,
    confusion_matrix,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    roc_auc_score,
)

from cxrlens.evaluation import ClassReport, Evaluation, judge
from cxrlens.vocabulary import Estimate, InputError, PredictionTable, TableError, to_plain

Maker = Callable[..., PredictionTable]


def _estimates(evaluation: object) -> list[Estimate]:
    if isinstance(evaluation, Estimate):
        return [evaluation]
    if isinstance(evaluation, tuple):
        return [found for part in evaluation for found in _estimates(part)]
    parts = vars(evaluation).values() if hasattr(evaluation, "__dict__") else ()
    return [found for part in parts for found in _estimates(part)]


def _tell_more(own: ClassReport) -> list[float | None]:
    told = (own.npv, own.specificity, own.balanced_accuracy, own.average_precision, own.brier)
    return [estimate.value for estimate in told]


def _score_more(
    is_true: np.ndarray, is_decided: np.ndarray, probabilities: np.ndarray, index: int
) -> list[float]:
    """The same by scikit-learn."""
    return [
        precision_score(~is_true, ~is_decided),
        recall_score(~is_true, ~is_decided),
        balanced_accuracy_score(is_true, is_decided),
        average_precision_score(is_true, probabilities[:, index]),
        brier_score_loss(is_true, probabilities[:, index]),
    ]


@pytest.mark.parametrize("k", [2, 3])
def test_values_are_scikit_learns(draw_table: Maker, k: int) -> None:
    table = draw_table(0, 80, k)
    decisions = table.probabilities.argmax(axis=1)
    evaluation = judge(table, resamples=100)
    report = classification_report(table.truth, decisions, output_dict=True, zero_division=0)
    assert evaluation.accuracy.value == pytest.approx(accuracy_score(table.truth, decisions))
    assert np.array_equal(evaluation.confusion, confusion_matrix(table.truth, decisions))
    assert evaluation.macro_precision.value == pytest.approx(report["macro avg"]["precision"])
    assert evaluation.macro_recall.value == pytest.approx(report["macro avg"]["recall"])
    assert evaluation.macro_f1.value == pytest.approx(report["macro avg"]["f1-score"])
    for index, own in enumerate(evaluation.per_class):
        expected = report[str(index)]
        assert own.precision.value == pytest.approx(expected["precision"])
        assert own.recall.value == pytest.approx(expected["recall"])
        assert own.f1.value == pytest.approx(expected["f1-score"])
        assert own.n_images == expected["support"]
        auroc = roc_auc_score(table.truth == index, table.probabilities[:, index])
        assert own.auroc.value == pytest.approx(auroc)
        is_true, is_decided = table.truth == index, decisions == index
        ours, theirs = _tell_more(own), _score_more(is_true, is_decided, table.probabilities, index)
        assert ours == pytest.approx(theirs)
    brier = brier_score_loss(table.truth, table.probabilities, scale_by_half=True)
    assert evaluation.brier.value == pytest.approx(brier)
    precisions = [own.average_precision.value for own in evaluation.per_class]
    expected = precisions[1] if k == 2 else np.mean(precisions)
    assert evaluation.macro_average_precision.value == pytest.approx(expected)
    assert evaluation.macro_recall.value == pytest.approx(
        balanced_accuracy_score(table.truth, decisions)
    )
    whole = (
        roc_auc_score(table.truth, table.probabilities[:, 1])
        if k == 2
        else roc_auc_score(table.truth, table.probabilities, multi_class="ovr")
    )
    assert evaluation.macro_auroc.value == pytest.approx(whole)
    assert len(evaluation.roc) == k


def test_counts_of_images_patients_and_folds(make_table: Maker) -> None:
    rng = np.random.default_rng(0)
    patients = ["a", "a", "b", None, None, "c", None, "a"]
    table = make_table(
        [0, 1, 0, 1, 0, -1, -1, 1],
        rng.dirichlet([1, 1], 8),
        patients,
        np.array([0, 0, 1, 1, 0, 2, 2, 0]),
    )
    evaluation = judge(table, resamples=40)
    assert (evaluation.n_images, evaluation.n_patients) == (6, 4)
    assert (evaluation.n_unknown_patients, evaluation.n_unlabelled) == (2, 2)
    assert evaluation.n_folds == 2
    assert [own.n_patients for own in evaluation.per_class] == [3, 2]
    assert evaluation.accuracy.low is None  # four patients


def test_every_interval_holds_its_value(draw_table: Maker) -> None:
    estimates = _estimates(judge(draw_table(3, 60, 4), resamples=200))
    assert len(estimates) == 13 + 4 * 11
    undefined = [estimate for estimate in estimates if estimate.value is None]
    assert [estimate.method.split("this is ")[-1] for estimate in undefined] == [
        "macro_recall",
        *["the accuracy"] * 3,
    ]
    for estimate in estimates:
        if estimate in undefined:
            continue
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.high - estimate.low > 0.01


def test_a_perfect_model_is_nowhere_certain(make_table: Maker) -> None:
    truth = np.repeat(np.arange(3), 20)
    evaluation = judge(make_table(truth, np.eye(3)[truth]), resamples=100)
    for estimate in _estimates(evaluation):
        if estimate.value == 1:
            assert estimate.high == 1
            assert estimate.low is not None
            assert 0.8 < estimate.low < 0.98
        elif estimate.value == 0:  # Brier and calibration error
            assert estimate.low == 0
            assert estimate.high is not None
            assert 0.04 < estimate.high < 0.2
        else:
            assert estimate.value is None


def test_an_absent_class_is_left_out_and_named(make_table: Maker) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 90)
    probabilities = rng.dirichlet([2, 2, 1], 90)
    evaluation = judge(make_table(truth, probabilities), resamples=60)
    absent = evaluation.per_class[2]
    assert (absent.recall.value, absent.f1.value, absent.auroc.value) == (None, None, None)
    assert absent.precision.value == 0  # every decision for it is wrong
    assert len(evaluation.roc) == 2
    for macro in (evaluation.macro_recall, evaluation.macro_f1, evaluation.macro_auroc):
        assert "class 2" in macro.method
    expected = np.mean([own.recall.value for own in evaluation.per_class[:2]])
    assert evaluation.macro_recall.value == pytest.approx(expected)


def test_a_class_never_decided_for_has_precision_zero(make_table: Maker) -> None:
    probabilities = np.tile([0.6, 0.3, 0.1], (40, 1))
    evaluation = judge(make_table(np.arange(40) % 2, probabilities), resamples=60)
    never = evaluation.per_class[1].precision
    assert (never.value, never.low, never.n) == (0.0, None, 0)
    assert "never decided for" in never.method
    assert evaluation.per_class[2].precision.value is None
    assert evaluation.macro_precision.value == pytest.approx(0.25)
    assert evaluation.macro_precision.high is not None
    assert evaluation.macro_precision.high > 0.6  # nothing is known of the second class's


def test_one_class_alone_has_no_auroc(make_table: Maker) -> None:
    evaluation = judge(make_table(np.zeros(20, dtype=int), np.tile([0.7, 0.3], (20, 1))))
    assert evaluation.macro_auroc.value is None
    assert evaluation.per_class[0].auroc.value is None
    assert evaluation.roc == ()
    assert evaluation.accuracy.value == 1


def test_scores_of_different_folds_are_not_compared(draw_table: Maker, make_table: Maker) -> None:
    table = draw_table(5, 80, 2)
    folds = table.clusters % 2
    # the second model's probabilities are all pressed towards 0
    second = np.where(folds == 1, table.probabilities[:, 1] / 50, table.probabilities[:, 1])
    pressed = np.stack([1 - second, second], axis=1)
    patients = [str(number) for number in table.clusters]
    plain = judge(make_table(table.truth, table.probabilities, patients, folds), resamples=40)
    moved = judge(make_table(table.truth, pressed, patients, folds), resamples=40)
    assert moved.macro_auroc == plain.macro_auroc
    assert "within folds" in moved.macro_auroc.method
    assert moved.accuracy != plain.accuracy


def test_the_seed_decides(draw_table: Maker) -> None:
    table = draw_table(1, 50, 3)
    a, b, c = (judge(table, seed=seed, resamples=60) for seed in (0, 0, 1))
    assert a.macro_f1 == b.macro_f1 != c.macro_f1
    assert a.accuracy == c.accuracy


def test_single_precision_is_judged_too(draw_table: Maker, make_table: Maker) -> None:
    table = draw_table(1, 40, 3)
    half = judge(make_table(table.truth, table.probabilities.astype(np.float32)), resamples=40)
    whole = judge(make_table(table.truth, table.probabilities), resamples=40)
    assert half.macro_auroc.value == pytest.approx(whole.macro_auroc.value)


def test_a_judgement_can_be_written(draw_table: Maker) -> None:
    plain = to_plain(judge(draw_table(1, 20, 3), resamples=40))
    assert isinstance(plain, dict)
    assert plain["n_folds"] == 1


def _draw_several(seed: int, n_patients: int) -> PredictionTable:
    """Four classes an image, some labels uncertain or missing; the last class is never there."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients))
    n = patients.size
    labels = (rng.random((n, 4)) < [0.5, 0.3, 0.15, 0.0]).astype(np.float32)
    logits = rng.normal(size=(n, 4)) + 1.5 * labels - 0.7
    known = labels.copy()
    known[rng.random((n, 4)) < 0.1] = -1
    known[rng.random((n, 4)) < 0.1] = np.nan
    known[:2] = [[-1, -1, np.nan, -1], [np.nan] * 4]
    return PredictionTable(
        classes=("a", "b", "c", "d"),
        images=tuple(f"{i}.png" for i in range(n)),
        patients=tuple(f"p{i}" for i in patients),
        truth=np.full(n, -1),
        logits=logits,
        probabilities=1 / (1 + np.exp(-logits)),
        folds=np.zeros(n, dtype=np.int64),
        labels=known,
    )


def test_of_several_labels_values_are_scikit_learns_on_the_known_ones() -> None:
    table = _draw_several(0, 120)
    assert table.labels is not None
    evaluation = judge(table, resamples=200)
    expected = []
    for index, own in enumerate(evaluation.per_class):
        labels = table.labels[:, index]
        known = np.isin(labels, (0, 1))
        score, truth = table.probabilities[known, index], labels[known] == 1
        decided = score >= 0.5
        assert own.n_uncertain == (labels[2:] == -1).sum()  # the first two have no label at all
        assert own.n_missing == np.isnan(labels[2:]).sum()
        assert own.specificity.value == pytest.approx(recall_score(~truth, ~decided))
        told = own.outcomes
        counts = [told.true_negatives, told.false_positives]
        counts += [told.false_negatives, told.true_positives]
        matrix = confusion_matrix(truth, decided, labels=(False, True))
        assert counts == matrix.ravel().tolist()
        if index == 3:
            continue
        row = precision_recall_fscore_support(truth, decided, average="binary")[:3]
        assert own.auroc.value == pytest.approx(roc_auc_score(truth, score))
        assert (own.precision.value, own.recall.value) == pytest.approx(row[:2])
        assert own.f1.value == pytest.approx(row[2])
        ours, theirs = _tell_more(own), _score_more(truth, decided, score[:, None], 0)
        assert ours == pytest.approx(theirs)
        expected.append([*row, own.auroc.value])
    macros = [evaluation.macro_precision, evaluation.macro_recall, evaluation.macro_f1]
    macros.append(evaluation.macro_auroc)
    assert [one.value for one in macros] == pytest.approx(np.mean(expected, axis=0))
    assert all(one.low < one.value < one.high for one in macros)
    assert all("d" in one.method.split(": ")[-1] for one in macros)
    assert evaluation.n_unlabelled == 2
    assert evaluation.n_images == len(table.images) - 2
    _check_overall(evaluation, table)


def _check_overall(evaluation: Evaluation, table: PredictionTable) -> None:
    """Micro figures by scikit-learn over all known labels, means over the classes that have any."""
    assert table.labels is not None
    known = np.isin(table.labels, (0, 1))
    truth, decided = table.labels[known] == 1, table.probabilities[known] >= 0.5
    micro = precision_recall_fscore_support(truth, decided, average="binary")[:3]
    told = (evaluation.micro_precision, evaluation.micro_recall, evaluation.micro_f1)
    assert [one.value for one in told] == pytest.approx(micro)
    for name in ("balanced_accuracy", "brier", "calibration_error"):
        whole = getattr(evaluation, name)
        values = [getattr(own, name).value for own in evaluation.per_class]
        assert whole.value == pytest.approx(np.mean([one for one in values if one is not None]))
        assert 0 <= whole.low <= whole.value <= whole.high
    precisions = [own.average_precision.value for own in evaluation.per_class[:3]]
    assert evaluation.macro_average_precision.value == pytest.approx(np.mean(precisions))
    assert "d" in evaluation.macro_average_precision.method.split(": ")[-1]


def test_four_patients_have_no_interval_of_anything(make_table: Maker) -> None:
    rng = np.random.default_rng(0)
    patients = [f"p{i % 4}" for i in range(80)]
    for estimate in _estimates(
        judge(make_table(rng.integers(0, 2, 80), rng.dirichlet([1, 1], 80), patients))
    ):
        assert (estimate.low, estimate.high) == (None, None)


def test_patients_with_copies_of_an_image_widen_what_copies_would_narrow(
    make_table: Maker,
) -> None:
    """Each image three times: as three patients each figure seems surer, as one it does not."""
    rng = np.random.default_rng(4)
    truth = np.repeat(rng.integers(0, 2, 150), 3)
    logits = rng.normal(size=150).repeat(3) + 1.5 * truth
    yes = 1 / (1 + np.exp(-logits))
    probabilities = np.stack([1 - yes, yes], axis=1)
    honest = judge(make_table(truth, probabilities, [f"p{i // 3}" for i in range(450)]))
    naive = judge(make_table(truth, probabilities))
    for ours, theirs in zip(_estimates(honest), _estimates(naive), strict=True):
        if ours.value is not None:
            assert theirs.high - theirs.low < 0.75 * (ours.high - ours.low), ours.method


def test_a_class_decided_for_on_each_image_has_no_npv(make_table: Maker) -> None:
    evaluation = judge(make_table(np.arange(40) % 2, np.tile([0.7, 0.3], (40, 1))), resamples=40)
    assert evaluation.per_class[0].npv.value is None
    assert evaluation.per_class[1].npv.value == 0.5
    assert evaluation.per_class[0].balanced_accuracy.value == 0.5


def test_a_class_without_positives_has_no_auroc_and_no_accuracy_is_made_up() -> None:
    evaluation = judge(_draw_several(1, 60), resamples=60)
    never = evaluation.per_class[3]
    assert (never.n_images, never.recall.value, never.f1.value) == (0, None, None)
    assert never.auroc.value is None
    assert never.specificity.value is not None
    assert evaluation.accuracy.value is None
    assert evaluation.confusion is None
    assert [curve.class_name for curve in evaluation.roc] == ["a", "b", "c"]


def test_of_two_labels_the_mean_is_told_and_not_the_second_alone() -> None:
    table = _draw_several(2, 80)
    assert table.labels is not None
    two = replace(
        table,
        classes=table.classes[:2],
        logits=table.logits[:, :2],
        probabilities=table.probabilities[:, :2],
        labels=table.labels[:, :2],
    )
    evaluation = judge(two, resamples=60)
    values = [own.auroc.value for own in evaluation.per_class]
    assert evaluation.macro_auroc.value == pytest.approx(np.mean(values))


def test_of_several_labels_folds_are_not_compared_either() -> None:
    table = _draw_several(3, 80)
    folds = table.clusters % 2
    plain = judge(replace(table, folds=folds), resamples=40)
    pressed = np.where(folds[:, None] == 1, table.probabilities / 50, table.probabilities)
    moved = judge(replace(table, folds=folds, probabilities=pressed), resamples=40)
    assert moved.macro_auroc == plain.macro_auroc
    assert moved.macro_recall != plain.macro_recall


def test_bad_input_is_refused(make_table: Maker) -> None:
    table = make_table([0, 1], np.full((2, 2), 0.5))
    with pytest.raises(InputError, match="got 10"):
        judge(table, resamples=10)
    with pytest.raises(TableError, match="known truth"):
        judge(make_table([-1, -1], np.full((2, 2), 0.5)))


def test_ten_thousand_images_take_seconds(draw_table: Maker) -> None:
    table = draw_table(0, 4000, 3)
    start = time.process_time()  # of this process: others may keep the machine busy
    judge(table)
    assert table.truth.size > 9000
    assert time.process_time() - start < 60


@pytest.mark.slow
def test_coverage_of_the_macro_figures(draw_table: Maker) -> None:
    """The truth is what very many patients show."""
    truth = judge(draw_table(0, 200_000, 3, 2.5), resamples=40)
    names = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_auroc")
    covered = dict.fromkeys(names, 0)
    for study in range(500):
        evaluation = judge(draw_table(study + 1, 120, 3, 2.5), resamples=400)
        for name in names:
            estimate = getattr(evaluation, name)
            covered[name] += estimate.low <= getattr(truth, name).value <= estimate.high
    for name in names:
        assert 0.915 <= covered[name] / 500 <= 0.98, (name, covered[name])


def test_the_error_of_the_likeliest_class_does_not_depend_on_a_threshold(draw_table: Maker) -> None:
    """A threshold of 0.1 decides for a class of 0.2: that is no claim that it is right in 0.8."""
    table = draw_table(4, 80, 2)
    second = table.probabilities[:, 1] >= 0.1
    moved = judge(replace(table, decisions=np.stack([~second, second], 1)), resamples=100)
    plain = judge(table, resamples=100)
    assert moved.accuracy.value != plain.accuracy.value
    assert moved.calibration_error == plain.calibration_error
    assert moved.calibration_error_debiased == plain.calibration_error_debiased
