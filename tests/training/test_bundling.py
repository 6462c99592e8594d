"""What a training sees of a table, and what its run folder says of its parameters.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import pytest

from cxrlens.data import StudyTable
from cxrlens.data.study_table import make_frame
from cxrlens.imaging import DecodedImages
from cxrlens.inference import PreparedTable
from cxrlens.training import build_initial_network, load_recipe
from cxrlens.training.bundling import check_balance, select_cases
from cxrlens.training.copies import split_copies
from cxrlens.vocabulary import RecipeError

SPLIT = ["train", "train", "val", "test", "val", None]


def prepare(columns: dict[str, list[object]], classes: tuple[str, ...]) -> PreparedTable:
    n = len(SPLIT)
    frame = make_frame({"image": [f"{i}.png" for i in range(n)], "split": SPLIT, **columns})
    images = DecodedImages(
        np.zeros((n, 16, 16), dtype=np.uint16),
        np.arange(n),
        (),
        ((16, 16),) * n,
        ("0" * 64,) * n,
        np.ones(n, dtype=np.int64),
        ((),) * n,
    )
    return PreparedTable(StudyTable(frame, classes, "."), images)


def test_images_without_a_label_are_in_no_part() -> None:
    prepared = prepare({"label": ["a", None, "b", "a", None, "b"]}, ("a", "b"))
    cases = select_cases(prepared, load_recipe("default"))
    assert cases.train.tolist() == [0]
    assert cases.validation.tolist() == [2]
    assert cases.targets[cases.train].tolist() == [0]
    assert cases.n_classes == 2


def test_copies_are_made_of_training_images_alone() -> None:
    """Class b has one image in every part: those of val, test and no part are never copied."""
    prepared = prepare({"label": ["a", "b", "b", "b", "a", "b"]}, ("a", "b"))
    recipe = load_recipe("default", ["balance=copies", "copies_per_class=4"])
    cases = select_cases(prepared, recipe)
    rows, numbers = split_copies(cases.train, len(SPLIT))
    assert rows.tolist() == [0, 1, 0, 0, 0, 1, 1, 1]
    assert numbers.tolist() == [0, 0, 1, 2, 3, 1, 2, 3]
    assert cases.validation.tolist() == [2, 4]


@pytest.mark.parametrize("balance", ["sampler", "copies"])
def test_what_fills_up_one_class_needs_one_class_an_image(balance: str) -> None:
    recipe = load_recipe("default", [f"balance={balance}"])
    check_balance(recipe, is_multilabel=False)
    with pytest.raises(RecipeError, match=f"'{balance}' needs one class an image"):
        check_balance(recipe, is_multilabel=True)
    check_balance(load_recipe("default", ["balance=loss-weights"]), is_multilabel=True)


NAN = float("nan")


@pytest.mark.parametrize(("uncertain", "train"), [("ignore", [0]), ("positive", [0, 1])])
def test_several_labels_and_uncertain_ones(uncertain: str, train: list[int]) -> None:
    columns: dict[str, list[object]] = {
        "label:a": [1.0, -1.0, NAN, 0.0, 1.0, 1.0],
        "label:b": [NAN, NAN, 0.0, 0.0, -1.0, 1.0],
    }
    recipe = load_recipe("default", [f"uncertain={uncertain}"])
    cases = select_cases(prepare(columns, ("a", "b")), recipe)
    assert cases.train.tolist() == train
    assert cases.validation.tolist() == [2, 4]
    assert cases.targets.shape == (6, 2)
    assert not (cases.targets == -1).any()
    assert np.isnan(cases.targets[4, 1]) == (uncertain == "ignore")


def test_a_stage_that_does_not_fit_is_told_before_anything_is_read() -> None:
    recipe = load_recipe("phantom", ["height=32", "width=32"])
    stages = (replace(recipe.stages[0], trainable=("layer4",)),)
    with pytest.raises(RecipeError, match="there are stem, blocks, head"):
        build_initial_network(replace(recipe, stages=stages), 2)
