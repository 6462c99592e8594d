"""Labels that a classifier finds unlikely."""

import numpy as np

from cxrlens.audit.suspects import find_suspects, find_suspects_by_class


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
    assert len(found) <= 5
    assert all(0.5 <= one.doubt <= 1 for one in found)


def test_features_that_say_nothing_raise_no_doubt() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(2, size=150)
    folds, names = np.arange(150) % 5, ["x"] * 150
    assert find_suspects(generator.normal(size=(150, 40)), targets, folds, names, ("a", "b")) == ()


def test_of_several_labels_each_is_doubted_on_its_own() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(2, size=(200, 2)).astype(np.float32)
    features = generator.normal(size=(200, 60))
    features[:, :20] += 2 * truth[:, :1]
    features[:, 20:40] += 2 * truth[:, 1:]
    labels = truth.copy()
    labels[[3, 60], 0] = 1 - truth[[3, 60], 0]
    labels[100, 1] = 1 - truth[100, 1]
    labels[7, 0], labels[8, 1] = np.nan, -1
    names = [str(row) for row in range(200)]
    found = find_suspects_by_class(features, labels, np.arange(200) % 5, names, ("a", "b"))
    assert {(one.image, one.label) for one in found[:3]} == {
        ("3", tell("a", labels[3, 0])),
        ("60", tell("a", labels[60, 0])),
        ("100", tell("b", labels[100, 1])),
    }
    assert all(one.label != one.likelier for one in found)
    assert len(found) <= 5


def tell(name: str, value: float) -> str:
    return f"{name}: there" if value else f"{name}: not there"


def test_rows_without_a_label_are_left_out() -> None:
    features = np.random.default_rng(0).normal(size=(20, 2))
    targets = np.array([-1] * 10 + [0] * 10)
    assert find_suspects(features, targets, np.arange(20) % 5, ["x"] * 20, ("a", "b")) == ()
