"""How likely labels are wrong, against the formula written slowly and against the truth."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from cxrlens.audit.mislabelling import weigh_labels


def draw(n: int, strength: float, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers with too little confidence, labels of which a share is wrong, and which ones."""
    generator = np.random.default_rng(0)
    score = strength * generator.standard_normal(n)
    truth = (generator.random(n) < expit(score)).astype(np.int64)
    is_wrong = generator.random(n) < share
    chances = expit(np.stack([-score, score], axis=1) / 3)
    return chances, np.where(is_wrong, 1 - truth, truth), is_wrong


def test_doubts_are_as_large_as_mislabels_are_frequent() -> None:
    """Of labels that are called wrong with a probability of about p, a share of about p is."""
    chances, targets, is_wrong = draw(4000, strength=12, share=0.05)
    doubt = weigh_labels(chances, targets).sum(axis=1)
    assert doubt.sum() == pytest.approx(is_wrong.sum(), rel=0.25)
    listed = doubt >= 0.5
    assert is_wrong[listed].mean() == pytest.approx(doubt[listed].mean(), abs=0.08)
    assert is_wrong[listed].sum() / is_wrong.sum() > 0.6


def test_where_no_label_is_wrong_hardly_any_is_doubted() -> None:
    for strength in (0.0, 1.0, 4.0, 12.0):
        chances, targets, _ = draw(1000, strength, share=0.0)
        assert (weigh_labels(chances, targets).sum(axis=1) >= 0.5).mean() <= 0.005


def test_weights_are_bayes_rule() -> None:
    """With three classes: prior of a wrong label times the chance of each other class."""
    generator = np.random.default_rng(1)
    truth = generator.integers(3, size=900)
    chances = softmax(6 * np.eye(3)[truth] + generator.normal(size=(900, 3)), axis=1)
    targets = truth.copy()
    targets[:45] = (truth[:45] + 1) % 3
    weights = weigh_labels(chances, targets)
    assert (weights[np.arange(900), targets] == 0).all()
    assert (weights[:45].argmax(axis=1) == truth[:45]).mean() > 0.95
    assert weights[:45].sum(axis=1).min() > 0.5
    odds = weights.sum(axis=1) / (1 - weights.sum(axis=1))
    # Other classes share out the doubt as their chances do: scale and offsets are common to all.
    rows = np.flatnonzero(targets == 0)
    ratio = np.log(weights[rows, 1] / weights[rows, 2])
    asked = np.log(chances[rows, 1] / chances[rows, 2])
    assert np.polyfit(asked, ratio, 1, full=True)[1][0] < 1e-12
    assert np.isfinite(odds).all()
