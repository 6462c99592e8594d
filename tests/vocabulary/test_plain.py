"""Records become what JSON can hold.

SPDX-License-Identifier: Apache-2.0
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.vocabulary import ARGMAX, Plain, Refusal, show_name, to_plain

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_plain_values_stay_as_they_are(value: Plain) -> None:
    assert to_plain(value) == value
    assert json.loads(json.dumps(to_plain(value), allow_nan=False)) == value


@dataclass(frozen=True)
class _Nest:
    path: Path
    inner: Refusal
    numbers: tuple[float, ...]


def test_records_are_opened() -> None:
    nest = _Nest(Path("a/b"), Refusal("x", "empty", "…"), (1.5, math.nan, math.inf, -math.inf))
    assert to_plain(nest) == {
        "path": "a/b",
        "inner": {"image": "x", "reason": "empty", "message": "…", "figure": None},
        "numbers": [1.5, None, None, None],
    }
    plain = {
        "rule": "argmax",
        "chosen_on": "fixed in advance",
        "thresholds": [],
        "threshold_rule": "",
    }
    assert to_plain({1: ARGMAX}) == {"1": plain}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(math.nan), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, math.inf]), [1.0, None]),
        (np.array(2.0), 2.0),
        (np.array(["a"]), ["a"]),
        (range(3), [0, 1, 2]),
    ],
)
def test_numpy_is_opened(value: object, plain: Plain) -> None:
    result = to_plain(value)
    assert result == plain
    assert type(result) is type(plain)
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Refusal, 1j, [object()], print])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot write a"):
        to_plain(value)


@given(st.binary())
def test_any_file_name_can_be_shown(name: bytes) -> None:
    shown = show_name(name.decode("utf-8", "surrogateescape"))
    shown.encode("utf-8")
    try:
        assert shown == name.decode("utf-8")
    except UnicodeDecodeError:
        assert "\\x" in shown
    assert to_plain({name.decode("utf-8", "surrogateescape"): 1}) == {shown: 1}
