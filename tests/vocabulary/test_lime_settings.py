"""Settings that cannot be worked with are refused in one sentence.

SPDX-License-Identifier: Apache-2.0
"""

import math

import pytest

from cxrlens.explanation import find_method
from cxrlens.vocabulary import InputError, LimeSettings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_segments": 1}, "n_segments of LIME must be at least 2; got 1"),
        ({"n_samples": 9}, "n_samples of LIME must be at least 10; got 9"),
        ({"top_labels": 0}, "top_labels of LIME must be at least 1; got 0"),
        ({"seed": -1}, "seed of LIME must be at least 0; got -1"),
        ({"hide_color": -0.1}, "got -0.1"),
        ({"hide_color": 1.1}, "got 1.1"),
        ({"hide_color": math.nan}, "got nan"),
        ({"stop_at": -0.1}, "0…1; got -0.1"),
        ({"stop_at": 1.1}, "0…1; got 1.1"),
        ({"stop_at": math.nan}, "0…1; got nan"),
        ({"kernel_width": 0.0}, "kernel_width of LIME must be above 0"),
        ({"kernel_width": math.inf}, "finite; got inf"),
        ({"alpha": 0.0}, "alpha of LIME must be above 0"),
        ({"alpha": math.nan}, "got nan"),
    ],
)
def test_a_bad_value_is_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        LimeSettings(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("segments", "slick", "did you mean 'slic'"),
        ("hide_color", "grey", "'mean' or 'blur'; got 'grey'"),
    ],
)
def test_a_bad_word_is_named_where_types_are_not_checked(name: str, value: str, words: str) -> None:
    """The test run checks types before the record does; a user's does not."""
    settings = object.__new__(LimeSettings)
    object.__setattr__(settings, name, value)
    with pytest.raises(InputError, match=words):
        settings.__post_init__()


def test_the_bounds_themselves_are_taken() -> None:
    LimeSettings(n_segments=2, n_samples=10, top_labels=1, hide_color=0.0, stop_at=0.0)
    LimeSettings(hide_color=1.0, stop_at=1.0, seed=0)


def test_words_of_the_command_line_become_values() -> None:
    lime = find_method("lime")
    words = {"hide_color": "0", "n_samples": "200", "segments": "grid", "stop_at": "1"}
    assert lime.read_settings(words) == LimeSettings("grid", n_samples=200, stop_at=1.0)
    assert lime.read_settings({"hide_color": "blur"}) == LimeSettings(hide_color="blur")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample": "3"}, "no setting 'sample'"),
        ({"n_samples": "many"}, "n_samples='many'"),
        ({"n_samples": "3"}, "at least 10; got 3"),
        ({"segments": "slick"}, "segments='slick'"),
        ({"hide_color": "red"}, "'red'"),
    ],
)
def test_unknown_words_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_method("lime").read_settings(options)
