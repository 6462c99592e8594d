"""How likely each label is wrong, where answers that never saw it disagree with it.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from cxrlens.vocabulary import ClassIndices

LARGEST_SHARE = 0.3
"""Of wrong labels: with more, nobody could say which ones are wrong."""

_STARTS = ((0.02, 1.0), (0.02, 4.0), (0.1, 4.0), (0.1, 16.0))
"""Share of wrong labels and scale of the evened answers, from where both are searched: there may be
a peak where a few sure answers are overruled and one where they are heard."""

_USUAL_SHARE = 0.03
"""Of wrong labels, the likeliest before anything is seen: the mean over the ten test sets that
Northcutt, Athalye and Mueller looked through (NeurIPS Datasets and Benchmarks 2021) was 3.3 %. The
prior is a beta distribution with 2 for the wrong ones: worth one wrong label, it keeps a few
moderate disagreements from being put down to a poor classifier."""

_LEAST_SHARE = 1e-4
"""So that its logarithm stays finite."""

_LEAST_CHANCE = 1e-9
"""Of a class: below it no answer is taken at its word."""

_RIDGE = 0.04
"""What an offset's squared distance from 0 costs, halved, and the logarithm of the scale: worth
less than one case, so that there is a best answer where the classes are told apart without a
mistake."""

Chances = Float64[np.ndarray, "n k"]
"""One row an image, one column a class."""


def weigh_labels(chances: Chances, targets: ClassIndices) -> Chances:
    """Give the probability that each label is wrong and another class is the right one.

    A share of the labels is taken to be wrong, whatever the image shows. That share, and a scale
    and offsets that turn the answers into probabilities of the true class, are found together by
    maximum likelihood, with a weak prior for the share: an answer that is seldom wrong when it is
    sure makes a label against it a mislabel; where sure answers are wrong no more often than a
    sigmoid expects, none is.

    Args:
        chances: a classifier's probabilities, none of which was learnt from the label it is held
            against.
        targets: what the labels say.

    Returns:
        For each class the probability that it is the right one in place of the label's; 0 for the
        label's own. A row's sum is the probability that the label is wrong.

    Source:
        Bootkrajang and Kabán, "Label-noise robust logistic regression and its applications", ECML
        PKDD 2012 (the likelihood with flipped labels), here of a calibration of given answers
        with one share for all classes; Platt 1999 (the calibration).
    """
    k = chances.shape[1]
    logits = np.log(np.maximum(chances, _LEAST_CHANCE))
    logits -= logits.mean(axis=1, keepdims=True)
    logits /= max(float(logits.std()), _LEAST_CHANCE)
    own = np.arange(len(targets)), targets

    def share_out(numbers: Float64[np.ndarray, " m"]) -> Chances:
        """Log of the probability of each true class together with the label."""
        logs = log_softmax(np.exp(numbers[1]) * logits + numbers[2:], axis=1)
        share = np.exp(numbers[0])
        result = logs + np.log(share / (k - 1))
        result[own] = logs[own] + np.log1p(-share)
        return np.asarray(result)

    def prior_wrong(log_share: float) -> float:
        return float(log_share + (1 / _USUAL_SHARE - 1) * np.log1p(-np.exp(log_share)))

    def lose(numbers: Float64[np.ndarray, " m"]) -> float:
        cost = float(numbers[1:] @ numbers[1:])
        cost = _RIDGE / 2 * cost - prior_wrong(numbers[0])
        return float(cost - logsumexp(share_out(numbers), axis=1).sum())

    limits = [np.log([_LEAST_SHARE, LARGEST_SHARE]), np.log([0.01, 1000.0])]
    bounds = [*map(tuple, limits), *[(None, None)] * k]
    tried = [
        minimize(lose, [*np.log(start), *np.zeros(k)], method="L-BFGS-B", bounds=bounds)
        for start in _STARTS
    ]
    found = min(tried, key=lambda one: float(one.fun)).x
    joint = share_out(found)
    weights = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    weights[own] = 0
    return np.asarray(weights)
