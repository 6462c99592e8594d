"""Labels that a classifier finds unlikely."""

import numpy as np

from cxrlens.audit.suspects import find_suspects


def test_swapped_labels_head_the_list() -> None:
    generator = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 50)
    features = generator.normal(size=(150, 6)) + 4 * np.eye(3, 6)[truth]
    swapped = [3, 60, 70, 120]
    targets = truth.copy()
    targets[swapped] = (truth[swapped] + 1) % 3
    names = [str(row) for row in range(150)]
    found = find_suspects(features, targets, np.arange(150) % 5, names, ("a", "b", "c"))
    assert {int(one.image) for one in found[:4]} == set(swapped)
    assert all("abc"[truth[int(one.image)]] == one.likelier for one in found[:4])
    assert [one.doubt for one in found] == sorted((one.doubt for one in found), reverse=True)
    assert len(found) <= 8


def test_rows_without_a_label_are_left_out() -> None:
    features = np.random.default_rng(0).normal(size=(20, 2))
    targets = np.array([-1] * 10 + [0] * 10)
    assert find_suspects(features, targets, np.arange(20) % 5, ["x"] * 20, ("a", "b")) == ()
