"""Answers for unseen patients, against scikit-learn and formulas written slowly."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from cxrlens.audit.crossfit import RIDGE, answer, answer_shuffled, ask, measure_macro


def make(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(3, size=n)
    features = generator.normal(size=(n, p)) + 0.5 * truth[:, None]
    return features, np.eye(3)[truth], np.sort(generator.integers(n // 2, size=n))


@pytest.mark.parametrize("p", [4, 90])
def test_ridge_agrees_with_scikit_learn(p: int) -> None:
    features, labels, patients = make(60, p)
    question = ask(labels, patients)
    answers = answer(features, question)
    for fold in np.unique(question.folds):
        train, test = question.folds != fold, question.folds == fold
        mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
        penalty = RIDGE * train.sum() * p / min(train.sum(), p)
        model = Ridge(alpha=penalty).fit((features[train] - mean) / spread, labels[train])
        expected = model.predict((features[test] - mean) / spread)
        difference = expected - answers[test]
        # Up to a constant for each class, which no AUROC within a fold sees.
        assert np.ptp(difference, axis=0).max() < 1e-9


def test_a_patient_lies_in_one_fold() -> None:
    _, labels, patients = make(80, 2)
    folds = ask(labels, patients).folds
    assert all(len(np.unique(folds[patients == one])) == 1 for one in np.unique(patients))
    assert len(np.unique(folds)) == 5


def test_shuffles_hand_over_the_labels_of_whole_patients() -> None:
    _, labels, patients = make(50, 2)
    shuffles = ask(labels, patients, n_shuffles=20).shuffles
    assert shuffles.shape == (50, 20)
    for column in shuffles.T:
        givers = patients[column]
        assert all(len(np.unique(givers[patients == one])) == 1 for one in np.unique(patients))
        assert len(np.unique(givers)) == len(np.unique(patients))


def test_macro_auroc_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(2, size=(60, 2)).astype(float)
    labels[::7, 0] = np.nan
    scores = np.round(generator.normal(size=(60, 2, 1)), 1)
    folds = np.arange(60) % 2
    areas = []
    for k in range(2):
        wins = pairs = 0.0
        for fold in range(2):
            rows = (folds == fold) & np.isfinite(labels[:, k])
            truth = labels[rows, k]
            n = truth.sum() * (1 - truth).sum()
            wins += n * roc_auc_score(truth, scores[rows, k, 0])
            pairs += n
        areas.append(wins / pairs)
    assert measure_macro(scores, labels[:, :, None], folds)[0] == pytest.approx(np.mean(areas))


def test_chance_lies_around_a_half() -> None:
    features, labels, patients = make(120, 5)
    chance = answer_shuffled(features, ask(labels, patients, n_shuffles=60))
    assert abs(chance.mean() - 0.5) < 0.03
    question = ask(labels, patients)
    scores = answer(features, question)[:, :, None]
    assert measure_macro(scores, labels[:, :, None], question.folds)[0] > chance.max()
