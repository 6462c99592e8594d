"""Classes are joined by the logic of yes, no and do not know."""

import itertools
import math

import numpy as np
import pytest

from cxrlens.data import LABEL_PREFIX, StudyTable, make_frame
from cxrlens.data.class_names import choose_classes, rename_classes
from cxrlens.vocabulary import Box, TableError

STATES = (1.0, 0.0, -1.0, math.nan)


def make(*columns: tuple[str, list[float]]) -> StudyTable:
    n = len(columns[0][1])
    boxes = [(Box(columns[0][0], 0.0, 0.0, 1.0, 1.0),)] + [None] * (n - 1)
    frame = make_frame(
        {
            "image": [f"r/{i}.png" for i in range(n)],
            "boxes": boxes,
            **{LABEL_PREFIX + name: values for name, values in columns},
        }
    )
    return StudyTable(frame, tuple(name for name, _ in columns), "r")


def test_joined_by_every_pair_of_states() -> None:
    pairs = list(itertools.product(STATES, STATES))
    table = make(
        ("Mass", [p[0] for p in pairs]), ("Edema", [0.0] * 16), ("Nodule", [p[1] for p in pairs])
    )
    joined = rename_classes(table, {"Mass": "lump", "Nodule": "lump"})
    assert joined.classes == ("lump", "Edema")
    assert joined.frame["boxes"][0][0].class_name == "lump"
    for (one, other), value in zip(pairs, joined.label_matrix[:, 0].tolist(), strict=True):
        if 1 in (one, other):
            assert value == 1  # whatever the other is
        elif -1 in (one, other):
            assert value == -1
        elif math.isnan(one) or math.isnan(other):
            assert math.isnan(value)  # the unknown one may be there
        else:
            assert value == 0
    assert "Mass is now lump" in joined.notes[-1]


def test_single_labels_are_renamed() -> None:
    frame = make_frame({"image": ["a", "b", "c"], "label": ["x", "y", None]})
    table = rename_classes(StudyTable(frame, ("x", "y"), "."), {"x": "z"})
    assert table.classes == ("z", "y")
    assert list(table.frame["label"]) == ["z", "y", None]
    swapped = rename_classes(table, {"z": "y", "y": "z"})
    assert list(swapped.frame["label"]) == ["y", "z", None]
    with pytest.raises(TableError, match="'Z' cannot be renamed"):
        rename_classes(table, {"Z": "y"})
    assert rename_classes(table, {}) is table


def test_one_class_is_chosen() -> None:
    table = make(("Mass", list(STATES)), ("Edema", [0.0] * 4), ("Nodule", [1.0] * 4))
    one = choose_classes(table, ["Mass"])
    assert one.classes == ("no Mass", "Mass")
    assert list(one.frame["label"]) == ["Mass", "no Mass", None, None]
    assert "1 labels are uncertain and 1 blank" in one.notes[-1]
    kept = one.labelled()
    assert (len(kept), kept.notes[-1]) == (
        2, "2 of 4 images have no label (missing or uncertain) and were left out."
    )  # fmt: skip
    two = choose_classes(table, ["Nodule", "Mass"])
    assert two.classes == ("Nodule", "Mass")
    assert np.array_equal(two.label_matrix[:, 1], np.array(STATES, np.float32), equal_nan=True)
    with pytest.raises(TableError, match="did you mean 'Mass'"):
        choose_classes(table, ["mass"])
    with pytest.raises(TableError, match="none of the 2 images has a label"):
        one.take([2, 3]).labelled()
