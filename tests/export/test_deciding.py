"""The graph decides as the bundle does.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
import torch

from cxrlens.export.deciding import Decider
from cxrlens.vocabulary import (
    ARGMAX,
    EACH_AT_HALF,
    Estimate,
    OperatingPoint,
    Scaling,
    Threshold,
)

NOTHING = Estimate(0.5, 0.4, 0.6, 5, "a test")


def choose(rule: str, **values: float) -> OperatingPoint:
    """Thresholds as `calibrate` writes them."""
    thresholds = tuple(
        Threshold(name, value, NOTHING, NOTHING, 5, 5, 5) for name, value in values.items()
    )
    return OperatingPoint(rule, "a test", thresholds, threshold_rule="youden")


CASES = [
    (("a", "b"), None, ARGMAX, False),
    (("a", "b"), Scaling("temperature", (0.3, 0.3), (0.0, 0.0), False), ARGMAX, False),
    (("a", "b"), None, choose("youden", b=0.2), False),
    (("a", "b", "c"), Scaling("vector", (0.3, 2.0, 1.0), (0.1, -1.0, 0.0), False),
     choose("argmax", a=0.3, c=0.9), False),
    (("a", "b", "c"), None, EACH_AT_HALF, True),
    (("a", "b", "c"), Scaling("vector", (0.3, 2.0, 1.0), (0.1, -1.0, 0.0), True),
     choose("youden", a=0.1, b=0.8), True),
]  # fmt: skip


@pytest.mark.parametrize(("classes", "scaling", "point", "is_multilabel"), CASES)
def test_as_the_records_do(
    classes: tuple[str, ...], scaling: Scaling | None, point: OperatingPoint, is_multilabel: bool
) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (400, len(classes)))
    plain = Scaling("vector", (1.0,) * len(classes), (0.0,) * len(classes), is_multilabel)
    probabilities = (scaling or plain).apply(logits)
    decider = Decider(classes, scaling, point, is_multilabel=is_multilabel)
    ours = decider(torch.from_numpy(logits.astype(np.float32)))
    np.testing.assert_allclose(ours.probabilities.numpy(), probabilities, atol=1e-6)
    wanted = point.decide(classes, probabilities, is_multilabel=is_multilabel)
    np.testing.assert_array_equal(ours.decisions.numpy(), wanted)
    np.testing.assert_array_equal(ours.flags.numpy(), point.flag(classes, probabilities))
    assert ours.flags.any() == bool(point.thresholds)


def test_a_probability_on_the_threshold_is_decided_for() -> None:
    decider = Decider(("a", "b"), None, choose("youden", b=0.5), is_multilabel=False)
    assert decider(torch.zeros(1, 2)).decisions.tolist() == [[False, True]]
