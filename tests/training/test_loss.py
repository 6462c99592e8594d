"""The loss, written a second time, slowly.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.training.loss import sum_loss, weigh_targets

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 4.0]])
WEIGHTS = torch.tensor([1.0, 2.0, 0.5])


def write_cross_entropy(targets: list[int], weights: list[float], smoothing: float) -> float:
    total = 0.0
    for row, target in zip(LOGITS.tolist(), targets, strict=True):
        norm = math.log(sum(math.exp(value) for value in row))
        for k, value in enumerate(row):
            share = (1 - smoothing) * (k == target) + smoothing / len(row)
            total += -weights[k] * share * (value - norm)
    return total


def write_binary(targets: list[list[float]], weights: list[float], smoothing: float) -> float:
    total = 0.0
    for row, truths in zip(LOGITS.tolist(), targets, strict=True):
        for value, truth, weight in zip(row, truths, weights, strict=True):
            if math.isnan(truth):
                continue
            p = 1 / (1 + math.exp(-value))
            soft = truth * (1 - smoothing) + smoothing / 2
            loss = -(soft * math.log(p) + (1 - soft) * math.log(1 - p))
            total += loss * (weight if truth == 1 else 1)
    return total


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_one_class_an_image(weights: torch.Tensor | None, smoothing: float) -> None:
    targets = [0, 1, 2, 1]
    found = sum_loss(LOGITS, torch.tensor(targets), weights, smoothing)
    each = [1.0] * 3 if weights is None else weights.tolist()
    assert float(found) == pytest.approx(write_cross_entropy(targets, each, smoothing), rel=1e-5)
    assert float(weigh_targets(torch.tensor(targets), weights)) == pytest.approx(
        sum(each[target] for target in targets)
    )


NAN = float("nan")
MANY = [[1.0, 0.0, NAN], [NAN, NAN, NAN], [0.0, 1.0, 1.0], [1.0, NAN, 0.0]]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_several_classes_an_image(weights: torch.Tensor | None, smoothing: float) -> None:
    found = sum_loss(LOGITS, torch.tensor(MANY), weights, smoothing)
    each = [1.0] * 3 if weights is None else weights.tolist()
    assert float(found) == pytest.approx(write_binary(MANY, each, smoothing), rel=1e-5)
    expected = sum(
        each[k] if t == 1 else 1 for row in MANY for k, t in enumerate(row) if not math.isnan(t)
    )
    assert float(weigh_targets(torch.tensor(MANY), weights)) == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_is_that_of_torch(smoothing: float) -> None:
    targets = torch.tensor([0, 1, 2, 1])
    mean = sum_loss(LOGITS, targets, WEIGHTS, smoothing) / weigh_targets(targets, WEIGHTS)
    torch.testing.assert_close(
        mean, torch.nn.functional.cross_entropy(LOGITS, targets, WEIGHTS, label_smoothing=smoothing)
    )


def test_what_is_not_known_moves_nothing() -> None:
    logits = LOGITS.clone().requires_grad_()
    sum_loss(logits, torch.tensor(MANY), WEIGHTS).backward()
    assert logits.grad is not None
    assert (logits.grad[torch.tensor(MANY).isnan()] == 0).all()
    assert (logits.grad[~torch.tensor(MANY).isnan()] != 0).all()


@given(st.integers(1, 7))
def test_parts_of_a_batch_add_up(cut: int) -> None:
    random = np.random.default_rng(cut)
    logits = torch.from_numpy(random.normal(size=(8, 3)).astype(np.float32))
    targets = torch.from_numpy(random.integers(0, 3, 8))
    whole = sum_loss(logits, targets, WEIGHTS)
    parts = sum_loss(logits[:cut], targets[:cut], WEIGHTS) + sum_loss(
        logits[cut:], targets[cut:], WEIGHTS
    )
    torch.testing.assert_close(whole, parts)
