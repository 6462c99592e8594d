"""One tree of errors, and hints that name the nearest right word.

SPDX-License-Identifier: Apache-2.0
"""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.vocabulary import CxrlensError, ImageRefused, InputError, errors, suggest

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", TREE)
def test_what_is_handed_in_ends_with_2_and_the_rest_with_1(kind: type[CxrlensError]) -> None:
    assert issubclass(kind, CxrlensError)
    assert kind.exit_code == (1 if kind is CxrlensError else 2)


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = set(re.findall(r"\b[A-Z]\w+(?:Error|Refused)\b", errors.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in TREE}
    below = set(TREE) - {CxrlensError, InputError}
    assert {kind.__base__ for kind in below} == {InputError}


def test_a_refusal_carries_its_reason() -> None:
    error = ImageRefused("too-small", "too small: 3 x 3")
    assert (error.reason, str(error)) == ("too-small", "too small: 3 x 3")


@given(st.sampled_from(("learning_rate", "epochs", "batch_size")), st.data())
def test_one_letter_missing_still_finds_the_word(word: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(word) - 1))
    typed = word[:cut] + word[cut + 1 :]
    assert suggest(typed, {"learning_rate", "epochs", "batch_size"}) == f"did you mean {word!r}?"


def test_nothing_near_lists_all_sorted() -> None:
    assert suggest("qqq", ("b", "a")) == "known are: a, b"
