"""Labels become targets: what is not known teaches nothing.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

import numpy as np
import pytest
import torch

from cxrlens.training.targets import has_target, resolve_labels, weigh_classes

LABELS = np.array([[1, 0, -1], [np.nan, -1, 0], [np.nan, np.nan, np.nan]], dtype=np.float32)


@pytest.mark.parametrize(
    ("uncertain", "expected"), [("ignore", np.nan), ("positive", 1.0), ("negative", 0.0)]
)
def test_uncertain_labels(
    uncertain: Literal["ignore", "positive", "negative"], expected: float
) -> None:
    found = resolve_labels(LABELS, uncertain)
    wanted = np.where(LABELS == -1, np.float32(expected), LABELS)
    np.testing.assert_array_equal(found, wanted)
    assert LABELS[0, 2] == -1


def test_what_has_nothing_to_teach() -> None:
    assert has_target(np.array([0, -1, 2])).tolist() == [True, False, True]
    assert has_target(resolve_labels(LABELS, "ignore")).tolist() == [True, True, False]


def test_classes_weigh_alike_and_images_weigh_one_on_average() -> None:
    targets = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    weights = weigh_classes(targets, 3)
    totals = [float(weights[k]) * int((targets == k).sum()) for k in range(3)]
    assert totals == pytest.approx([8 / 3] * 3)


def test_positives_weigh_as_much_as_negatives() -> None:
    targets = np.array([[1, 0], [0, 0], [0, np.nan], [np.nan, 0]], dtype=np.float32)
    assert weigh_classes(targets, 2).tolist() == [2.0, 1.0]  # no positive: nothing to weigh


def test_a_class_without_an_image_weighs_one() -> None:
    assert torch.isfinite(weigh_classes(np.array([0, 0, 1]), 3)).all()
    assert float(weigh_classes(np.array([0, 0, 1]), 3)[2]) == 1.0
