"""The watched cases are spread evenly, without chance, and told as they are.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.network.classifier import ClassifierOutput
from cxrlens.training.watched_case import (
    N_WATCHED,
    WatchedCase,
    choose_watched,
    describe_watched,
)


@given(
    targets=st.lists(st.integers(0, 11), min_size=1, max_size=60),
    n_validation=st.integers(0, 60),
)
def test_evenly_over_classes_none_twice(targets: list[int], n_validation: int) -> None:
    truth, rows = np.array(targets), np.arange(len(targets))[::-1][:n_validation]
    watched = choose_watched(truth, rows)
    assert watched == choose_watched(truth, rows)
    assert len(watched) == min(N_WATCHED, len(rows))
    assert len({one.row for one in watched}) == len(watched)
    assert all(one.row in rows and truth[one.row] == one.index for one in watched)
    there = Counter(truth[rows].tolist())
    shown = Counter(one.index for one in watched)
    assert len(shown) == min(N_WATCHED, len(there))
    # A class is shown less often than another only where it has no more images.
    most = max(shown.values(), default=0)
    assert all(shown[k] >= most - 1 or shown[k] == there[k] for k in shown)


def test_evenly_over_the_table() -> None:
    watched = choose_watched(np.arange(400) // 200, np.arange(400))
    assert [one.row for one in watched] == pytest.approx(
        [0, 50, 100, 150, 200, 250, 300, 350], abs=2
    )


def test_with_several_labels_each_is_watched_for_one_that_it_has(several_labels) -> None:
    watched = choose_watched(several_labels.targets, several_labels.validation)
    assert len(watched) == N_WATCHED
    assert {one.index for one in watched} == {0, 1, 2}
    assert all(several_labels.targets[one.row, one.index] == 1 for one in watched)
    nothing = np.zeros((5, 2), np.float32)
    assert choose_watched(nothing, np.arange(5)) == ()


def test_what_is_said_of_a_case(cases) -> None:
    named = replace(
        cases,
        classes=("NORMAL", "PNEUMONIA"),
        images=tuple(f"{row}.png" for row in range(len(cases.targets))),
    )
    watched = (WatchedCase(41, 1), WatchedCase(42, 0))
    images, maps = torch.rand(2, 1, 32, 32), torch.arange(16.0).reshape(2, 2, 2, 2) - 6
    logits = torch.tensor([[0.0, 2.0], [0.0, 2.0]])
    first, second = describe_watched(watched, named, images, ClassifierOutput(logits, maps, logits))
    assert (first.title, second.title) == ("1 PNEUMONIA", "2 NORMAL")
    assert np.array_equal(first.grid, maps[0, 1].numpy())
    assert np.array_equal(second.grid, maps[1, 0].numpy())
    assert np.array_equal(second.pixels, images[1, 0].numpy())
    assert first.lines == (
        "41.png",
        "has PNEUMONIA: ✓ decided PNEUMONIA at 0.88",
        "evidence for it: -2 to +1",
    )
    assert second.lines[1] == "has NORMAL: ✗ decided PNEUMONIA at 0.88"


def test_what_is_said_of_one_label_of_several(several_labels) -> None:
    watched = (WatchedCase(40, 0), WatchedCase(40, 2))
    output = ClassifierOutput(
        torch.tensor([[2.0, 0.0, -2.0]]).repeat(2, 1), torch.zeros(2, 3, 2, 2), torch.zeros(2, 3)
    )
    panels = describe_watched(watched, several_labels, torch.zeros(2, 1, 32, 32), output)
    assert [one.lines[1] for one in panels] == ["has 0: ✓ found at 0.88", "has 2: ✗ missed at 0.12"]
