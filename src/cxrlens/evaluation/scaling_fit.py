"""Logits with known labels become a scaling that makes probabilities fit them.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64
from scipy.optimize import minimize
from scipy.special import logsumexp

from cxrlens.vocabulary import CalibrationMethod, Decisions, LabelMatrix, Logits, Scaling

RIDGE = 0.04
"""What a scale's squared distance from 1 and an offset's from 0 cost, halved, in units of the
log-likelihood: a normal prior with a standard deviation of 5, worth less than one case. Only where
the classes are told apart without a mistake does it matter: the likelihood alone would then have
no largest value, and every probability would become 0 or 1."""

LEAST_SCALE, LARGEST_SCALE = 0.01, 100.0
"""No scale is 0 or below: a calibration must not turn a model round."""

_Numbers = Float64[np.ndarray, " m"]


def fit_scaling(
    logits: Logits, labels: LabelMatrix, method: CalibrationMethod, *, is_multilabel: bool
) -> Scaling:
    """Fit a scaling by penalised maximum likelihood, which has one best answer.

    A temperature is one scale for all classes. Vector scaling gives each class a scale and an
    offset; of two classes that exclude each other the scale is shared, which is Platt's sigmoid on
    the difference of the logits and keeps their order. Of several labels an image what is not
    known counts nowhere, and a class without both labels keeps the scale 1 in vector scaling.

    Args:
        logits: one row an image.
        labels: 1 there, 0 not there, NaN not known; exactly one 1 a row where classes exclude
            each other, or all NaN.
        method: `temperature` or `vector`.
        is_multilabel: whether there may be several classes an image, or none.

    Returns:
        The scaling.

    Source:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2; Platt,
        "Probabilistic outputs for support vector machines", 1999.
    """
    k = logits.shape[1]
    known = np.isfinite(labels)
    if method == "vector" and is_multilabel:
        known &= ((labels == 1).any(axis=0) & (labels == 0).any(axis=0))[None, :]
    spread = _spread_numbers(method, k, is_multilabel=is_multilabel)
    start = np.zeros(spread.shape[1])
    start[: _count_scales(method, k, is_multilabel=is_multilabel)] = 1.0
    bounds = [(LEAST_SCALE, LARGEST_SCALE) if one else (None, None) for one in start]
    there, z = np.where(known, labels, 0.0).astype(np.float64), logits.astype(np.float64)
    measure = _measure_sigmoid if is_multilabel else _measure_softmax

    def lose(numbers: _Numbers) -> tuple[float, _Numbers]:
        both = spread @ numbers
        loss, slope = measure(z * both[:k] + both[k:], there, known)
        by_class = np.concatenate([(slope * z).sum(axis=0), slope.sum(axis=0)])
        away = numbers - start
        return loss + RIDGE / 2 * float(away @ away), spread.T @ by_class + RIDGE * away

    found = minimize(
        lose,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 1000},
    )
    both = spread @ found.x
    scales, offsets = both[:k].tolist(), both[k:].tolist()
    return Scaling(method, tuple(scales), tuple(offsets), is_multilabel)


def _count_scales(method: CalibrationMethod, k: int, *, is_multilabel: bool) -> int:
    is_shared = method == "temperature" or (k == 2 and not is_multilabel)
    return 1 if is_shared else k


def _spread_numbers(
    method: CalibrationMethod, k: int, *, is_multilabel: bool
) -> Float64[np.ndarray, "both m"]:
    """How the numbers that are fitted become k scales and, below them, k offsets."""
    n_scales = _count_scales(method, k, is_multilabel=is_multilabel)
    scales = np.ones((k, 1)) if n_scales == 1 else np.eye(k)
    if method == "temperature":
        offsets = np.zeros((k, 0))
    elif n_scales == 1 and not is_multilabel:
        offsets = np.array([[-0.5], [0.5]])
    else:
        offsets = np.eye(k)
    nothing = np.zeros((k, offsets.shape[1]))
    return np.vstack([np.hstack([scales, nothing]), np.hstack([np.zeros_like(scales), offsets])])


_Matrix = Float64[np.ndarray, "n k"]


def _measure_softmax(z: _Matrix, there: _Matrix, known: Decisions) -> tuple[float, _Matrix]:
    """Negative log-likelihood, and its slope along each logit."""
    rows = known.all(axis=1, keepdims=True)
    logs = z - logsumexp(z, axis=1, keepdims=True)
    return float(-(there * logs).sum()), np.where(rows, np.exp(logs) - there, 0.0)


def _measure_sigmoid(z: _Matrix, there: _Matrix, known: Decisions) -> tuple[float, _Matrix]:
    """Negative log-likelihood of the labels that are known, and its slope along each logit."""
    losses = np.logaddexp(0.0, z) - there * z
    probabilities = np.exp(-np.logaddexp(0.0, -z))
    return float(losses[known].sum()), np.where(known, probabilities - there, 0.0)
